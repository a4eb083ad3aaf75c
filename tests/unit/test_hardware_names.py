import pytest

from flexecutor_energy.hardware.names import is_model, normalise, stated_cores


@pytest.mark.parametrize(
    ("reported", "model"),
    [
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "intel xeon platinum 8259cl"),
        ("AMD EPYC 7R13 Processor", "amd epyc 7r13"),
        ("AMD EPYC 7763 64-Core Processor", "amd epyc 7763"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "intel core i7-8550u"),
        ("Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz", "intel xeon e5-2670"),
        ("Intel(R) Xeon(R) CPU E5-2670 v3 @ 2.30GHz", "intel xeon e5-2670 v3"),
        ("Intel(R) Xeon(R) CPU E3-1275Lv3 @ 2.70GHz", "intel xeon e3-1275l v3"),
        ("Intel(R) Xeon(R) CPU E3-1245 V2 @ 3.40GHz", "intel xeon e3-1245 v2"),
        ("Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz", "intel core 2 duo e8400"),
        ("Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz", "intel core i7-920"),
        ("12th Gen Intel(R) Core(TM) i7-12700K", "intel core i7-12700k"),
        ("AMD Opteron(tm) Processor 6272                 ", "amd opteron 6272"),
        ("Quad-Core AMD Opteron(tm) Processor 2376", "amd opteron 2376"),
        ("AMD FX(tm)-8350 Eight-Core Processor", "amd fx-8350"),
        ("FX-8350", "amd fx-8350"),
        ("AMD A10-7850K Radeon R7, 12 Compute Cores 4C+8G", "amd a10-7850k"),
        ("AMD Ryzen 9 7940HS w/ Radeon 780M Graphics", "amd ryzen 9 7940hs"),
        ("AMD Ryzen Threadripper PRO 3995WX 64-Cores", "amd ryzen threadripper pro 3995wx"),
        ("AMD Athlon(tm) 64 X2 Dual Core Processor 4200+", "amd athlon 64 x2 4200+"),
        ("Pentium(R) Dual-Core  CPU      E5200  @ 2.50GHz", "intel pentium e5200"),
        ("Intel® Xeon® Gold 6148 CPU @ 2.40GHz", "intel xeon gold 6148"),
    ],
)
def test_decorations_are_taken_off_and_the_model_stays(reported: str, model: str) -> None:
    assert normalise(reported) == model


@pytest.mark.parametrize(
    "name",
    [
        "AMD EPYC",
        "AMD EPYC Processor",
        "Intel(R) Xeon(R) CPU @ 2.20GHz",
        "Intel(R) Xeon(R) Processor @ 2.50GHz",
        "6140",
        "3260 HE",
        "",
        "   ",
    ],
)
def test_a_brand_alone_or_a_number_alone_is_no_model(name: str) -> None:
    assert not is_model(normalise(name))


def test_cores_are_taken_from_a_name_only_where_it_states_them() -> None:
    assert stated_cores("AMD EPYC 7763 64-Core Processor") == 64
    assert stated_cores("AMD EPYC 7R13 Processor") is None
    assert stated_cores("Pentium(R) Dual-Core CPU E5200") is None
