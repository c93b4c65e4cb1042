// Enclosure of a Sotto satellite: a base with the boards and the loudspeaker, a lid with the microphone's opening,
// light pipes and the button. Both print as they lie here, flat side down, without supports. Lengths in millimetres.
//
// Coordinates are those of the Raspberry Pi: its corner next to the SD card and the USB sockets is (0, 0), its header
// is at y = 26.5, and z = 0 is the inside of the floor.
//
//   openscad -D 'variant="bonnet"' -D 'part="base"' -o base.stl satellite.scad

variant = "bonnet";      // "bonnet" or "ring"
part = "assembly";       // "base", "lid", "pipes", "cap" (of the bonnet's button), each as it is printed;
                         // "boards" and "ways": what the case must leave room for, as ../tools checks

use <boards.scad>

/* [Case] */
wall = 2.4;
floor_high = 2.4;
lid_high = 2.4;
corner = 12;             // outer radius
outline_chamfer = 1.2;   // of the edges that one touches
gap = 0.25;              // between parts that go into each other
inside = [80, 81.5];     // room for the boards
inside_at = [-7.5, -3.5];
high = variant == "ring" ? 34 : 24.5;

/* [Parts] Measure yours. */
pi_above_floor = 3;
speaker_at = [51, 57];
speaker_wide = 40;
switch_at = [55, variant == "ring" ? 22 : 12];  // y, z of its lever on the left wall
switch_body = [10, 14, 6.6];                    // inwards, along the wall, high
switch_lever = [8, 4];
switch_screws = 19;                             // from hole to hole
button_wide = 12;                               // of the ring's push button
ring_at = [32.5, 27];
ring_wide = [36, 50];                           // inner and outer diameter
microphone_at = [12, 62];                       // of the ring
posts = [[-4, 0.5], [69, 0.5], [-4, 74], [69, 74]];
post_from = 6;

/* [Hidden] */
$fn = 40;
e = 0.01;
bonnet_top = bonnet_height(pi_above_floor);
lamp_wide = 4.2;
lamps = variant == "ring"
    ? [for (i = [0:11]) ring_at + (ring_wide[0] + ring_wide[1]) / 4 * [cos(30 * i + 15), sin(30 * i + 15)]]
    : bonnet_lamps();
microphones = variant == "ring" ? [microphone_at] : bonnet_microphones();

module outline(grow = 0) {
    translate(inside_at) offset(corner - wall + grow) offset(-(corner - wall)) square(inside);
}

// A hole for sound: wide outside, so that it does not whistle, and narrow inside.
module horn(at) {
    translate([at[0], at[1], high - e]) cylinder(d1 = 2.4, d2 = 7, h = lid_high + 2 * e);
}

module tube(at, outer, inner, from) {
    translate([at[0], at[1], from]) linear_extrude(high - from + e) difference() {
        circle(d = outer);
        circle(d = inner);
    }
}

// Holes are cut flat, before anything is raised: that is quick, and leaves clean edges.
module floor_holes() {
    for (at = posts) translate(at) circle(d = 2.9);
    // Sound goes out through the floor: round holes on circles.
    for (ring = [0:4], i = [0:max(0, 6 * ring - 1)])
        translate(speaker_at) rotate(ring == 0 ? 0 : 60 * i / ring) translate([3.6 * ring, 0]) circle(d = 2.4, $fn = 12);
    // Air for the processor comes in here and leaves below the lid.
    for (x = [16 : 5 : 46]) translate([x, 7]) hull() for (y = [0, 12]) translate([0, y]) circle(d = 1.8, $fn = 16);
}

module base() {
    inner = outline_chamfer;
    // The floor: its lowest layer has the screws' countersinks, its edge is broken.
    translate([0, 0, -floor_high]) linear_extrude(floor_high - 0.2) difference() {
        outline(wall - inner);
        floor_holes();
        for (at = posts) translate(at) circle(d = 5.4);
    }
    translate([0, 0, -0.2]) linear_extrude(0.2) difference() {
        outline(wall - inner);
        floor_holes();
    }
    difference() {
        hull() {
            translate([0, 0, -floor_high]) linear_extrude(e) outline(wall - inner);
            translate([0, 0, inner - floor_high]) linear_extrude(high + floor_high - inner) outline(wall);
        }
        translate([0, 0, -floor_high - 1]) linear_extrude(floor_high + 0.9) outline(wall - inner - 0.1);
        translate([0, 0, -0.3]) linear_extrude(high + 1) outline();
        for (y = [8 : 5 : 28]) translate([inside_at[0] + inside[0] - 1, y - 0.9, high - 12]) cube([wall + 2, 1.8, 7]);
        usb_power(pi_above_floor);
        mute_opening();
    }
    for (at = pi_holes()) translate([at[0], at[1], -e]) linear_extrude(pi_above_floor + e) difference() {
        circle(d = 6);
        circle(d = 2.1, $fn = 16);
    }
    translate([0, 0, -e]) linear_extrude(post_from + e) intersection() {
        outline(e);
        for (at = posts) translate(at) difference() {
            circle(r = 3.4);
            circle(d = 2.9, $fn = 16);
        }
    }
    // A fence holds the loudspeaker and its foam; gaps let its wires out.
    translate([speaker_at[0], speaker_at[1], -e]) linear_extrude(4) difference() {
        circle(d = speaker_wide + 3.4);
        circle(d = speaker_wide + 0.6);
        square([2 * speaker_wide, 6], center = true);
    }
}

module mute_opening() {
    translate([inside_at[0] - wall - 1, switch_at[0], switch_at[1]]) rotate([0, 90, 0]) linear_extrude(wall + 2) {
        square([switch_lever[1], switch_lever[0]], center = true);
        for (side = [-1, 1]) translate([0, side * switch_screws / 2]) circle(d = 2.2, $fn = 16);
    }
    // A dot marks the side on which the microphone is off.
    translate([inside_at[0] - wall - e, switch_at[0] - switch_screws / 2 - 5, switch_at[1]])
        rotate([0, 90, 0]) cylinder(d = 2.4, h = 0.8, $fn = 16);
}

module lid_holes() {
    for (at = lamps) translate(at) circle(d = lamp_wide, $fn = 24);
    if (variant == "ring") translate(ring_at) circle(d = button_wide + 0.2);
    else translate(bonnet_button()) circle(d = 4, $fn = 24);
}

module lid() {
    difference() {
        union() {
            translate([0, 0, high]) linear_extrude(lid_high) difference() {
                outline(wall - outline_chamfer);
                lid_holes();
            }
            difference() {
                hull() {
                    translate([0, 0, high]) linear_extrude(lid_high - outline_chamfer) outline(wall);
                    translate([0, 0, high + lid_high - e]) linear_extrude(e) outline(wall - outline_chamfer);
                }
                translate([0, 0, high - 1]) linear_extrude(lid_high + 2) outline(wall - outline_chamfer - 0.1);
            }
        }
        for (at = microphones) horn(at);
    }
    // A lip goes into the base.
    translate([0, 0, high - 2.5]) linear_extrude(2.5 + e) difference() {
        outline(-gap);
        outline(-gap - 1.4);
    }
    translate([0, 0, post_from + 0.2]) linear_extrude(high - post_from) intersection() {
        outline(-gap);
        for (at = posts) translate(at) difference() {
            circle(r = 3.2);
            circle(d = 2.1, $fn = 16);
        }
    }
    if (variant == "ring") {
        // Fences that the ring of lamps and the microphone's board are glued into.
        tube(ring_at, ring_wide[1] + 3.2, ring_wide[1] + 0.6, high - 3);
        tube(microphone_at, 17, 14.6, high - 2.5);
    } else {
        for (at = lamps) tube(at, 7.6, 6.2, bonnet_top + 2.2);
        // A tube with a foam ring at its end leads sound to the microphone and to nothing else.
        for (at = microphones) tube(at, 6, 2.4, bonnet_top + 2.1);
    }
}

// Light pipes, of clear filament: pegs that fill the lid's holes, on a plate that keeps them from falling out.
module pipes() {
    plate = 1;
    translate([0, 0, high - plate]) {
        if (variant == "ring")
            translate([ring_at[0], ring_at[1], 0]) difference() {
                cylinder(d = ring_wide[1], h = plate);
                translate([0, 0, -e]) cylinder(d = ring_wide[0], h = plate + 2 * e);
            }
        for (at = lamps) translate([at[0], at[1], 0]) {
            if (variant == "bonnet") cylinder(d = 6, h = plate);
            cylinder(d = lamp_wide - 0.2, h = plate + lid_high);
        }
    }
}

// What the finger presses, above the bonnet's button.
module cap() {
    at = bonnet_button();
    from = bonnet_button_top(pi_above_floor) + 0.2;
    translate([at[0], at[1], from]) {
        cylinder(d = 3.6, h = high + lid_high + 0.6 - from);
        cylinder(d = 5.2, h = high - 0.6 - from);
    }
}

module boards() {
    raspberry_pi(pi_above_floor);
    translate([speaker_at[0], speaker_at[1], 0.5]) cylinder(d = speaker_wide, h = 20);
    translate([inside_at[0], switch_at[0] - switch_body[1] / 2, switch_at[1] - switch_body[2] / 2]) cube(switch_body);
    if (variant == "ring") {
        ring_of_lamps(ring_at, ring_wide, high - 1);
        push_button(ring_at, button_wide, high);
        round_microphone(microphone_at, high - 0.6);
        perforated_board([-0.3, 33.2], pi_above_floor);
    } else
        voice_bonnet(pi_above_floor);
}

// Where nothing may be in the way: plug, lever, screws, air, sound.
module ways() {
    for (at = posts) translate([at[0], at[1], -10]) cylinder(d = 2, h = 15);
    translate([31, 13, -10]) cylinder(d = 1.2, h = 12);
    usb_plug(pi_above_floor);
    translate([inside_at[0] - wall - 4, switch_at[0] - 3.4, switch_at[1] - 1.6]) cube([wall + 6, 6.8, 3.2]);
    for (at = microphones) translate([at[0], at[1], variant == "ring" ? high - 1 : bonnet_top + 1.2]) cylinder(d = 2, h = 20);
    translate([speaker_at[0], speaker_at[1], -10]) cylinder(d = 2, h = 12);
}

if (part == "base") translate([0, 0, floor_high]) base();
if (part == "lid") rotate([180, 0, 0]) translate([0, 0, -high - lid_high]) lid();
if (part == "pipes") translate([0, 0, 1 - high]) pipes();
if (part == "cap") translate([0, 0, -bonnet_button_top(pi_above_floor) - 0.2]) cap();
if (part == "boards") boards();
if (part == "ways") ways();
