// The boards as bodies: their outlines and what stands up from them, a little larger than they are. Positions on the
// Voice Bonnet are those of its published board file, those on the Raspberry Pi of its mechanical drawing.

function pi_holes() = [[3.5, 3.5], [61.5, 3.5], [3.5, 26.5], [61.5, 26.5]];
// A header of 2.5 mm plastic and a socket of 8.5 mm between the two boards.
function bonnet_height(floor) = floor + 1.4 + 11 + 1.6;
function bonnet_lamps() = [[3.81, 20.32], [32.51, 20.32], [61.47, 20.32]];
function bonnet_microphones() = [[2.03, 8.89], [62.48, 8.89]];
function bonnet_button() = [6.03, 14.1];
function bonnet_button_top(floor) = bonnet_height(floor) + 2;

module board(size, high) {
    linear_extrude(high) offset(3, $fn = 24) offset(-3) square(size);
}

module raspberry_pi(floor) {
    translate([0, 0, floor]) {
        difference() {
            board([65, 30], 1.4);
            for (at = pi_holes()) translate([at[0], at[1], -1]) cylinder(d = 2.7, h = 4, $fn = 24);
        }
        translate([-2.4, 11, 1.4]) cube([15, 12, 1.4]);         // SD card
        translate([6.6, -0.6, 1.4]) cube([11.4, 8, 3.3]);       // mini HDMI
        translate([37.4, -1.2, 1.4]) cube([8, 5.6, 2.9]);       // USB
        translate([50, -1.2, 1.4]) cube([8, 5.6, 2.9]);         // power
        translate([7, 24, 1.4]) cube([51, 5.1, 2.6]);           // header
        translate([7, 24, -1.6]) cube([51, 5.1, 1.6]);          // its solder side
    }
}

// A hole in the front wall for the power plug and its sleeve.
module usb_power(floor) {
    translate([54 - 6.4, -8, floor + 1.4 + 1.45 - 4.85]) cube([12.8, 6, 9.7]);
}

module usb_plug(floor) {
    translate([54 - 5.6, -12, floor + 1.4 + 1.45 - 4.2]) cube([11.2, 10.5, 8.4]);
}

module voice_bonnet(floor) {
    translate([0, 0, bonnet_height(floor) - 1.6]) {
        translate([0, 0, 0]) board([65, 30.7], 1.6);
        translate([0, 0, 1.6]) {
            for (at = bonnet_lamps()) translate([at[0] - 2.5, at[1] - 2.5, 0]) cube([5, 5, 1.6]);
            for (at = bonnet_microphones()) translate([at[0] - 1.25, at[1] - 1.55, 0]) cube([2.5, 3.1, 1.1]);
            translate([bonnet_button()[0] - 3, bonnet_button()[1] - 1.8, 0]) cube([6, 3.6, 2]);
            for (at = [[47.05, 20.32], [54.23, 20.38]]) translate([at[0], at[1], 0]) cylinder(d = 5.4, h = 5.8, $fn = 24);
            for (x = [31.75, 41.91]) translate([x - 4, 0, 0]) cube([8, 7.6, 6]);  // loudspeakers' plugs
            translate([15, 0, 0]) cube([10.6, 7.6, 6]);                           // the three-pin plug
            translate([49.8, -1.5, 0]) cube([7.1, 13, 5.4]);                      // headphones
        }
        translate([7, 22.5, -8.5]) cube([51, 8, 8.5]);                            // socket
    }
}

module ring_of_lamps(at, wide, under) {
    translate([at[0], at[1], under - 3.4]) difference() {
        cylinder(d = wide[1], h = 3.4);
        translate([0, 0, -1]) cylinder(d = wide[0], h = 6);
    }
}

module push_button(at, wide, lid) {
    translate([at[0], at[1], lid - 22]) cylinder(d = wide, h = 26);
    translate([at[0], at[1], lid - 3]) cylinder(d = 16.5, h = 3);
}

module button_head(at, wide, top) {
    translate([at[0], at[1], top]) { cylinder(d = wide + 2, h = 1.6); cylinder(d = wide - 3, h = 3.6); }
}

module round_microphone(at, under) {
    translate([at[0], at[1], under - 3.2]) cylinder(d = 14, h = 3.2);
}

module perforated_board(at, floor) {
    translate([at[0], at[1], floor]) cube([30, 40, 13]);
}
