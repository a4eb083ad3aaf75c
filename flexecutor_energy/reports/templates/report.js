"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const calm = { displayModeBar: false, responsive: true };

  const filled = (value, names) => JSON.parse(JSON.stringify(value), (_, x) =>
    typeof x === "string" && Object.hasOwn(names, x) ? names[x] : x);

  const themed = (value) => filled(value, data.themes[dark.matches ? "dark" : "light"]);

  const heightOf = (own) => own.height || (narrow.matches ? 500 : 420);

  const layoutOf = (own) => {
    const size = narrow.matches ? 11 : 12;
    const height = heightOf(own);
    const axis = { gridcolor: "@grid", linecolor: "@quiet", zerolinecolor: "@grid",
      automargin: true, ticks: "outside", tickcolor: "@quiet" };
    return themed({
      font: { family: "system-ui, sans-serif", size, color: "@ink" },
      paper_bgcolor: "@clear", plot_bgcolor: "@clear", hovermode: "closest", height,
      margin: { l: 56, r: 12, t: 12, b: 48 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: size - 1 } },
      hoverlabel: { align: "left", bgcolor: "@page", bordercolor: "@quiet", font: { color: "@ink" } },
      ...own,
      xaxis: { ...axis, ...own.xaxis },
      yaxis: { ...axis, ...own.yaxis },
    });
  };

  const draw = (place, chart) => {
    place.setAttribute("aria-label", chart.description);
    place.style.minHeight = `${heightOf(chart.layout)}px`;
    return Plotly.react(place, themed(chart.traces), layoutOf(chart.layout), calm);
  };

  const picker = document.getElementById("stage");
  const drawAt = (place) => {
    const name = place.dataset.chart;
    const chart = data.charts[name] || data.stages[picker.selectedIndex][name];
    if (chart) draw(place, filled(chart, data.shared));
  };
  const places = [...document.querySelectorAll("[data-chart]")];
  const drawAll = () => places.forEach(drawAt);
  const drawOneByOne = (left) => {  // so that the page can be read and scrolled meanwhile
    if (left.length === 0) document.documentElement.dataset.ready = "yes";
    else {
      drawAt(left[0]);
      setTimeout(drawOneByOne, 0, left.slice(1));
    }
  };

  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.v ?? cell.textContent.trim();
    return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
  };

  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(b);
  };

  const sortBy = (head) => {
    const table = head.closest("table");
    const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? compare(a, b) : sign * compare(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim();
      button.addEventListener("click", () => sortBy(head));
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
    }
  }
  picker?.addEventListener("change", drawAll);
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  drawOneByOne(places);
})();
