// The rendered parts of one satellite, put together or pulled apart, for a picture.

variant = "bonnet";
folder = "../out";
open = false;
high = variant == "ring" ? 34 : 24.5;
lid_high = 2.4;

module stl(part) import(str(folder, "/", variant, "-", part, ".stl"));

module as_mounted() {
    translate([0, 0, high + lid_high]) rotate([180, 0, 0]) color("#f6f3ec") stl("lid");
    translate([0, 0, high - 1]) color("#7cc7e0") stl("pipes");
    if (variant == "bonnet") translate([0, 0, 20.4]) color("#c8553d") stl("cap");
    else translate([32.5, 27, high + lid_high]) color("#c8553d") {
        cylinder(d = 14, h = 1.6, $fn = 60);
        cylinder(d = 9, h = 3.4, $fn = 60);
    }
}

translate([0, 0, -2.4]) color("#d9d2c3") stl("base");
translate([-11.6, 52.2, (variant == "ring" ? 22 : 12) - 1.4]) color("#b5179e") cube([3.4, 3.4, 2.8]);
if (open) {
    color("#4f9d69") stl("boards");
    translate([0, 0, 38]) as_mounted();
} else
    as_mounted();
