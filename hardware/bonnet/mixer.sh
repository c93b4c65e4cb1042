#!/bin/sh
# Satellite "bonnet": opens the WM8960's way from the microphones and to the loudspeaker. Run it once, then
# `alsactl store`. The names are those of the kernel's wm8960 driver.
set -eu
card=sottobonnet
set_() { amixer -q -c "$card" cset "name=$1" "$2"; }
# Microphones: +20 dB at the input, then the capture gain; acoustics.md says how to set it.
set_ 'Left Boost Mixer LINPUT1 Switch' on
set_ 'Right Boost Mixer RINPUT1 Switch' on
set_ 'Left Input Mixer Boost Switch' on
set_ 'Right Input Mixer Boost Switch' on
set_ 'Left Input Boost Mixer LINPUT1 Volume' 2
set_ 'Right Input Boost Mixer RINPUT1 Volume' 2
set_ 'Capture Switch' on,on
set_ 'Capture Volume' 39,39
set_ 'ADC High Pass Filter Switch' on
# Loudspeaker: how loud it is from day to day is speaker.volume in satellite.toml.
set_ 'Left Output Mixer PCM Playback Switch' on
set_ 'Right Output Mixer PCM Playback Switch' on
set_ 'Speaker Playback Volume' 115,115
set_ 'Playback Volume' 240,240
