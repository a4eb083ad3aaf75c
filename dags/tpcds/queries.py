"""TPC-DS query 95 with the standard's parameters, whole and in the steps of the stages.

It asks for the orders of one site's company, shipped to one state within 60 days, that went out
from more than one warehouse and of which something came back.
"""

COLUMNS = {
    "web_sales": (
        "ws_order_number, ws_warehouse_sk, ws_ship_date_sk, ws_ship_addr_sk, ws_web_site_sk, "
        "ws_ext_ship_cost, ws_net_profit"
    ),
    "web_returns": "wr_order_number",
    "customer_address": "ca_address_sk, ca_state",
    "date_dim": "d_date_sk, d_date",
    "web_site": "web_site_sk, web_company_name",
}
"""The tables of the query, with those of their columns that it looks at."""

WAREHOUSES = "SELECT DISTINCT ws_order_number, ws_warehouse_sk FROM web_sales"

SALES = """
    SELECT ws_order_number, ws_ship_date_sk, ws_ship_addr_sk, ws_web_site_sk,
           ws_ext_ship_cost, ws_net_profit
    FROM web_sales
"""

RETURNS = "SELECT DISTINCT wr_order_number FROM web_returns"

SPLIT_ORDERS = """
    SELECT DISTINCT one.ws_order_number
    FROM warehouses one, warehouses other
    WHERE one.ws_order_number = other.ws_order_number
      AND one.ws_warehouse_sk <> other.ws_warehouse_sk
"""

SHIPPED = """
    SELECT ws_order_number, ws_ship_addr_sk, ws_web_site_sk, ws_ext_ship_cost, ws_net_profit
    FROM sales, date_dim
    WHERE d_date BETWEEN DATE '1999-02-01' AND DATE '1999-04-02'
      AND ws_ship_date_sk = d_date_sk
      AND ws_order_number IN (SELECT ws_order_number FROM split_orders)
      AND ws_order_number IN (
        SELECT wr_order_number
        FROM returns, split_orders
        WHERE wr_order_number = ws_order_number)
"""

ADDRESSES = "SELECT ca_address_sk FROM customer_address WHERE ca_state = 'IL'"

DELIVERED = """
    SELECT ws_order_number,
           sum(ws_ext_ship_cost) AS ws_ext_ship_cost,
           sum(ws_net_profit) AS ws_net_profit
    FROM shipped, addresses, web_site
    WHERE ws_ship_addr_sk = ca_address_sk
      AND ws_web_site_sk = web_site_sk
      AND web_company_name = 'pri'
    GROUP BY ws_order_number
"""

TOTAL = """
    SELECT count(DISTINCT ws_order_number), sum(ws_ext_ship_cost), sum(ws_net_profit)
    FROM delivered
"""

WHOLE = """
    WITH ws_wh AS (
      SELECT ws1.ws_order_number
      FROM web_sales ws1, web_sales ws2
      WHERE ws1.ws_order_number = ws2.ws_order_number
        AND ws1.ws_warehouse_sk <> ws2.ws_warehouse_sk)
    SELECT count(DISTINCT ws_order_number), sum(ws_ext_ship_cost), sum(ws_net_profit)
    FROM web_sales ws1, date_dim, customer_address, web_site
    WHERE d_date BETWEEN DATE '1999-02-01' AND DATE '1999-04-02'
      AND ws1.ws_ship_date_sk = d_date_sk
      AND ws1.ws_ship_addr_sk = ca_address_sk
      AND ca_state = 'IL'
      AND ws1.ws_web_site_sk = web_site_sk
      AND web_company_name = 'pri'
      AND ws1.ws_order_number IN (SELECT ws_order_number FROM ws_wh)
      AND ws1.ws_order_number IN (
        SELECT wr_order_number
        FROM web_returns, ws_wh
        WHERE wr_order_number = ws_wh.ws_order_number)
"""
