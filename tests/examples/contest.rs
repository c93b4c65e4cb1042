//! Which satellite answers: `nice cargo run -p sotto-tests --example contest -- [CLIPS]`. Prints the tables that stand
//! in docs/measurements.md.
//!
//! One recording of a wake word is spread over the satellites of a flat, each with the gain, delay, reverberation and
//! noise of its place and a microphone of its own, and heard by the satellite's own machine with the real wake engine.
//! Then the same bids go through the house with each window and with each rule.

use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sotto_house::{Area, Bid, Effect, Event, House, Policy, SatelliteId, Trigger, UtteranceId};
use sotto_protocol::UtteranceIds;
use sotto_satellite::AUTHOR;
use sotto_satellite::config::Config;
use sotto_satellite::listening::{Action, Line, Listening};
use sotto_satellite::sound::{FRAME, Frame};
use sotto_tests::{audio, data};

const RATE: f32 = 16_000.0;
/// Metres a second.
const SOUND: f32 = 343.0;
/// Where a room's echoes are as loud as the voice itself, in metres.
const ECHO_RADIUS: f32 = 1.2;
/// What a closed door takes away, in dB; a flat's walls take more.
const DOOR: f32 = 18.0;

/// A satellite as it stands to the person who speaks.
#[derive(Clone, Copy)]
struct Place {
    metres: f32,
    /// In another room.
    beyond: bool,
    /// What its microphone makes of the same sound, in dB.
    microphone: f32,
    /// Of its room and its own electronics, in dB below full scale.
    noise: f32,
}

/// What a satellite sends when it wakes.
#[derive(Clone, Copy)]
struct Heard {
    /// From the beginning of the recording.
    at: Duration,
    score: f32,
    level: f32,
    /// The level with the power of the second before the word taken away.
    above_noise: f32,
}

/// A call: what each satellite made of it, the nearest first.
type Call = Vec<Option<Heard>>;

fn amplitude(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

/// A room's echoes: four feedback combs (Schroeder 1962), 0.4 s to 60 dB less, with delays of this place's own.
fn echoes(samples: &[f32], rng: &mut SmallRng) -> Vec<f32> {
    let mut sum = vec![0.0; samples.len()];
    for base in [0.0297, 0.0371, 0.0411, 0.0437f32] {
        let delay = (base * rng.random_range(0.85..1.15) * RATE) as usize;
        let feedback = 10f32.powf(-3.0 * delay as f32 / RATE / 0.4);
        let mut line = vec![0.0; delay];
        for (place, (sample, sum)) in samples.iter().zip(&mut sum).enumerate() {
            let cell = &mut line[place % delay];
            *sum += *cell / 4.0;
            *cell = sample + *cell * feedback;
        }
    }
    sum
}

/// The recording as it arrives at a place. It is taken to be what a microphone one metre away would hear.
fn arrives(voice: &[f32], noise: &[f32], place: Place, rng: &mut SmallRng) -> Vec<Frame> {
    let delay = (place.metres / SOUND * RATE) as usize + rng.random_range(0..FRAME);
    let door = if place.beyond { -DOOR } else { 0.0 };
    let (direct, echo) = (amplitude(door) / place.metres, amplitude(door) / ECHO_RADIUS);
    let echoed = echoes(voice, rng);
    let gain = amplitude(place.microphone);
    let (mut muffled, offset) = (0.0, rng.random_range(0..noise.len() - voice.len() - FRAME));
    let level = rms(noise);
    let sound: Vec<i16> = (0..voice.len() + delay)
        .map(|at| {
            let heard = at.checked_sub(delay).map_or(0.0, |at| voice[at] * direct + echoed[at] * echo);
            // A wall lets the low tones through.
            muffled += 0.35 * (heard - muffled);
            let heard = if place.beyond { muffled } else { heard };
            let hiss = noise[offset + at % voice.len()] / level * amplitude(place.noise);
            (((heard + hiss) * gain) * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect();
    sound.as_chunks::<FRAME>().0.iter().map(|frame| Frame::from(*frame)).collect()
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt().max(1e-6)
}

fn read(file: &Path) -> Vec<f32> {
    audio::flac(file).into_iter().map(|sample| f32::from(sample) / 32_768.0).collect()
}

/// What the satellite's own machine sends.
fn hear(config: &Config, sound: &[Frame]) -> anyhow::Result<Option<Heard>> {
    let ear = config.open_ear(config.wake_words(), AUTHOR)?;
    let mut machine = Listening::new(config, ear, UtteranceIds::from_secret([1; 32]))?;
    machine.line(Line::Online);
    for (frame, number) in sound.iter().zip(1usize..) {
        machine.hear(frame);
        for action in machine.actions() {
            if let Action::Open(opening) = action {
                let sotto_protocol::Trigger::WakeWord { score, .. } = opening.trigger else { continue };
                let at = Duration::from_millis(20) * number as u32;
                let power = |from: usize, to: usize| {
                    let frames = &sound[number.saturating_sub(from)..number.saturating_sub(to)];
                    frames.iter().map(|frame| 10f32.powf(frame.dbfs() / 10.0)).sum::<f32>()
                        / (from - to) as f32
                };
                let above_noise = 10.0 * (power(35, 0) - power(85, 60)).max(1e-9).log10();
                return Ok(Some(Heard { at, score, level: opening.level_dbfs, above_noise }));
            }
        }
    }
    Ok(None)
}

/// Two or three satellites in the room of the speaker, up to two beyond a door; the nearest first.
fn flat(rng: &mut SmallRng, spread: f32) -> Vec<Place> {
    let here = rng.random_range(1..=2);
    let beyond = rng.random_range(1..=2);
    let mut places: Vec<Place> = (0..here + beyond)
        .map(|number| Place {
            metres: if number < here { rng.random_range(0.7..4.5) } else { rng.random_range(3.0..8.0) },
            beyond: number >= here,
            microphone: rng.random_range(-spread..=spread),
            // One in four stands beside a television or a fan.
            noise: if rng.random_bool(0.25) {
                rng.random_range(-38.0..-28.0)
            } else {
                rng.random_range(-62.0..-45.0)
            },
        })
        .collect();
    places.sort_by(|a, b| (a.beyond, a.metres).partial_cmp(&(b.beyond, b.metres)).expect("numbers"));
    places
}

#[derive(Clone, Copy)]
struct Network {
    name: &'static str,
    /// One way, in milliseconds.
    travel: (f32, f32),
}

#[derive(Default)]
struct Counts {
    calls: u32,
    right: u32,
    /// More than one satellite answered.
    double: u32,
    /// From the arrival of the first bid to the choice.
    waits: Vec<f32>,
}

/// What the house makes of one call, with a window and a network. The person speaks on for two seconds.
fn decide(
    call: &Call,
    window: Duration,
    echo: Duration,
    network: Network,
    rng: &mut SmallRng,
    counts: &mut Counts,
) {
    let start = Instant::now();
    let mut house = House::new(Policy { contest: window, echo, ..Policy::default() });
    let mut arrivals: Vec<(Duration, usize, Heard)> = call
        .iter()
        .enumerate()
        .filter_map(|(place, heard)| {
            let heard = (*heard)?;
            let travel =
                Duration::from_secs_f32(rng.random_range(network.travel.0..network.travel.1) / 1000.0);
            Some((heard.at + travel, place, heard))
        })
        .collect();
    if arrivals.len() < 2 {
        return;
    }
    arrivals.sort_by_key(|(arrival, ..)| *arrival);
    let first = arrivals[0].0;
    let mut answered = Vec::new();
    let mut step = |now: Duration, event: Event| {
        for effect in house.handle(start + now, event) {
            if let Effect::Record { utterance, .. } = effect {
                answered.push((now, utterance.bytes()[0] as usize));
            }
        }
        house.wake_at().map(|due| due.saturating_duration_since(start))
    };
    let mut due = None;
    for (arrival, place, heard) in arrivals {
        while let Some(tick) = due.filter(|due| *due < arrival) {
            due = step(tick, Event::Tick);
        }
        due = step(
            arrival,
            Event::Opened {
                utterance: UtteranceId::from_bytes([place as u8; 16]),
                satellite: SatelliteId::new(&format!("s{place}")).expect("an id"),
                area: Area::new("here").ok(),
                trigger: Trigger::WakeWord("alexa".into()),
                bid: Bid::new(heard.score, heard.level),
                // The satellite's own count ends at its writing: what the network adds, nobody knows.
                age: Duration::ZERO,
            },
        );
    }
    while let Some(tick) = due.filter(|due| *due < first + Duration::from_secs(2)) {
        due = step(tick, Event::Tick);
    }
    counts.calls += 1;
    counts.double += u32::from(answered.len() > 1);
    if let Some((when, winner)) = answered.first() {
        let nearest = call.iter().position(Option::is_some);
        counts.right += u32::from(Some(*winner) == nearest && answered.len() == 1);
        counts.waits.push((*when - first).as_secs_f32() * 1000.0);
    }
}

fn percent(part: u32, whole: u32) -> f32 {
    100.0 * part as f32 / whole.max(1) as f32
}

/// Two bids told apart by a rule: whether the second is better.
type Rule = fn(&Heard, &Heard) -> bool;

/// With all bids at hand: how often each rule would choose the nearest.
fn rules(calls: &[Call]) {
    let rules: [(&str, Rule); 8] = [
        ("the first", |a, b| b.at < a.at),
        ("the surest", |a, b| b.score > a.score),
        ("surer by 0.2, else louder", |a, b| {
            if (a.score - b.score).abs() >= 0.2 { b.score > a.score } else { b.level > a.level }
        }),
        ("surer by 0.1, else louder", |a, b| {
            if (a.score - b.score).abs() >= 0.1 { b.score > a.score } else { b.level > a.level }
        }),
        ("the loudest", |a, b| b.level > a.level),
        ("louder by 1 dB, else the first", |a, b| {
            if (a.level - b.level).abs() >= 1.0 { b.level > a.level } else { b.at < a.at }
        }),
        ("the loudest above its own noise", |a, b| b.above_noise > a.above_noise),
        ("louder by 3 dB, else the surer", |a, b| {
            if (a.level - b.level).abs() >= 3.0 { b.level > a.level } else { b.score > a.score }
        }),
    ];
    println!("\n| rule, all bids at hand | nearest of {} calls |\n|---|---:|", calls.len());
    for (name, better) in rules {
        let right = calls
            .iter()
            .filter(|call| {
                let bids = call.iter().enumerate().filter_map(|(place, heard)| Some((place, (*heard)?)));
                // From the farthest on, so that what a rule cannot tell apart counts against it.
                let best = bids.rev().reduce(|best, bid| if better(&best.1, &bid.1) { bid } else { best });
                best.map(|best| best.0) == call.iter().position(Option::is_some)
            })
            .count();
        println!("| {name} | {:.1} % |", percent(right as u32, calls.len() as u32));
    }
}

fn main() -> anyhow::Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(60), |count| count.parse())?;
    let Some(data) = data::or_skip("which satellite answers") else { return Ok(()) };
    let speech = data.join("speech");
    let mut config = Config::default();
    config.wake.models = data.join("models/wake");
    config.wake.words = vec!["alexa".into()];
    let noise = read(&speech.join("noise/picovoice_kitchen/kitchen_first_half.flac"));
    let mut clips: Vec<_> = std::fs::read_dir(speech.join("wake/alexa"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    clips.sort();
    let every = (clips.len() / count).max(1);

    for spread in [0.0, 3.0] {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut calls: Vec<Call> = Vec::new();
        let (mut alone, mut nobody) = (0, 0);
        for clip in clips.iter().step_by(every) {
            let mut voice = vec![0.0; RATE as usize];
            voice.extend(read(clip));
            voice.resize(voice.len() + RATE as usize / 2, 0.0);
            let peak = voice.iter().fold(0f32, |peak, sample| peak.max(sample.abs())).max(1e-3);
            // Somebody who speaks as people do reaches a fifth of full scale one metre away.
            voice.iter_mut().for_each(|sample| *sample *= 0.2 / peak);
            let mut call = Call::new();
            for place in flat(&mut rng, spread) {
                call.push(hear(&config, &arrives(&voice, &noise, place, &mut rng))?);
            }
            match call.iter().flatten().count() {
                0 => nobody += 1,
                1 => alone += 1,
                _ => calls.push(call),
            }
        }
        println!("\n## Microphones that differ by up to {spread} dB either way");
        println!("{} calls heard by several satellites, {alone} by one, {nobody} by none", calls.len());
        let mut apart: Vec<f32> = calls
            .iter()
            .map(|call| {
                let times: Vec<f32> = call.iter().flatten().map(|heard| heard.at.as_secs_f32()).collect();
                let first = times.iter().fold(f32::MAX, |a, b| a.min(*b));
                (times.iter().fold(0f32, |a, b| a.max(*b)) - first) * 1000.0
            })
            .collect();
        apart.sort_by(f32::total_cmp);
        let at = |share: f32| apart[((apart.len() - 1) as f32 * share) as usize];
        println!(
            "first to last detection: median {:.0}, 90 % {:.0}, most {:.0} ms",
            at(0.5),
            at(0.9),
            at(1.0)
        );
        rules(&calls);

        let good = Network { name: "1 to 20 ms", travel: (1.0, 20.0) };
        let poor = Network { name: "1 to 120 ms", travel: (1.0, 120.0) };
        println!(
            "\n| network | window | nearest alone answers | two answer, without echo rule | with it | wait, median |"
        );
        println!("|---|---:|---:|---:|---:|---:|");
        for network in [good, poor] {
            for window in [0, 50, 100, 150, 200, 250, 300, 400] {
                let window = Duration::from_millis(window);
                let (mut bare, mut counts) = (Counts::default(), Counts::default());
                for call in &calls {
                    for seed in 0..5 {
                        let mut rng = SmallRng::seed_from_u64(seed);
                        decide(call, window, Duration::ZERO, network, &mut rng.clone(), &mut bare);
                        decide(call, window, Policy::default().echo, network, &mut rng, &mut counts);
                    }
                }
                counts.waits.sort_by(f32::total_cmp);
                println!(
                    "| {} | {} ms | {:.1} % | {:.1} % | {:.1} % | {:.0} ms |",
                    network.name,
                    window.as_millis(),
                    percent(counts.right, counts.calls),
                    percent(bare.double, bare.calls),
                    percent(counts.double, counts.calls),
                    counts.waits.get(counts.waits.len() / 2).copied().unwrap_or(f32::NAN),
                );
            }
        }
    }
    Ok(())
}
