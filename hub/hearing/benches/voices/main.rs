//! How well voices are told apart: `cargo bench -p sotto-hearing --bench voices -- MODELS`.
//!
//! MODELS is the folder that `sotto-hub models pull speaker` fills, with Sotto's encoder or one of your own. Recordings
//! come from SOTTO_TEST_DATA. Everything goes the way it goes in a hub: profiles as they are taught on the page, the
//! house's own rule. The tables are those of docs/measurements.md.

mod people;
mod road;

use std::path::{Path, PathBuf};

use people::{Kind, LENGTHS, Person};
use road::{ROADS, Road};
use sotto_hearing::speaker::{Encoder, Heard};
use sotto_hearing::worker;
use sotto_house::{Candidate, PersonId, Recognition, Speaker, Voice};

/// Households that are drawn.
const HOUSEHOLDS: usize = 120;
/// Pieces of a recording that are tried.
const PIECES: usize = 3;

/// Somebody's utterance, as it was heard.
struct Said {
    who: usize,
    heard: Heard,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // An encoder of one's own runs in a process of this program.
    if arguments.first().is_some_and(|first| first == worker::COMMAND) {
        worker::run(&arguments[1..]).expect("to be asked by this program");
        return;
    }
    let data = std::env::var_os("SOTTO_TEST_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let speech = data.join("speech");
    let models = arguments.iter().find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let program = std::env::current_exe().expect("the name of this program");
    let encoder = models.and_then(|models| Encoder::open(&models, &program).ok());
    let (Some(encoder), true) = (encoder, speech.join("manifest.jsonl").is_file()) else {
        return println!(
            "no speaker model or no recordings there; name the folder of the model, set SOTTO_TEST_DATA"
        );
    };
    strangers_scores(&encoder, &speech);
    let people = people::all(&speech, &encoder);
    let enrolled = people.iter().filter(|person| person.profile.is_some()).count();
    println!("{enrolled} people have taught their voice, {} have not", people.len() - enrolled);
    let noise = road::flac(&noise(&speech));
    for road in ROADS {
        for length in LENGTHS {
            let said = all_said(&encoder, &people, &noise, road, length);
            equal_error(road, length, &people, &said);
            households(road, length, &people, &said);
            if length == 3.0 {
                confusion(&people, &said);
            }
        }
    }
    let digits = people::of_digits(&speech, &encoder);
    for road in ROADS {
        for length in [1.5, 2.0, 3.0] {
            let said = all_said(&encoder, &digits, &noise, road, length);
            equal_error(road, length, &digits, &said);
            confusion(&digits, &said);
        }
    }
}

fn noise(speech: &Path) -> PathBuf {
    let folder = speech.join("noise/picovoice_kitchen");
    let mut entries = std::fs::read_dir(folder).expect("noise of a kitchen").flatten();
    entries.next().expect("noise of a kitchen").path()
}

/// What `measure` makes of the encoder: how an encoder of one's own is brought to the same scale.
fn strangers_scores(encoder: &Encoder, speech: &Path) {
    let folder = std::fs::read_dir(speech.join("neg/libri_1utt_per_speaker")).expect("readers");
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let people: Vec<Vec<i16>> = files.iter().map(|file| road::flac(file)).collect();
    let measured = encoder.measure(&people).expect("readers enough");
    println!("{} readers measured, {:?} a piece, {:?}", measured.people, measured.time, measured);
}

fn all_said(encoder: &Encoder, people: &[Person], noise: &[i16], road: Road, length: f32) -> Vec<Said> {
    let mut said = Vec::new();
    for (who, person) in people.iter().enumerate() {
        let most = if person.says.len() == 1 && person.profile.is_some() { 30 } else { PIECES };
        for clip in &person.says {
            for piece in people::cut(clip, length, most) {
                let seed = said.len() + piece.len();
                said.push(Said { who, heard: encoder.hear(&road.travel(piece, noise, seed)) });
            }
        }
    }
    said
}

/// Whether two may be compared: of those who were told apart by estimate it is not certain that they are two.
fn comparable(a: &Person, b: &Person) -> bool {
    !(a.estimated && b.estimated)
}

fn score(person: &Person, said: &Said) -> Option<f32> {
    person.profile.as_ref()?.score(said.heard.voice.as_ref().ok()?)
}

fn equal_error(road: Road, length: f32, people: &[Person], said: &[Said]) {
    let rate = |named_only: bool| {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (whose, person) in people.iter().enumerate() {
            if named_only && person.kind != Kind::Named {
                continue;
            }
            for said in said {
                let Some(score) = score(person, said) else { continue };
                match (said.who == whose, comparable(person, &people[said.who])) {
                    (true, _) => own.push(score),
                    (false, true) => others.push(score),
                    (false, false) => {}
                }
            }
        }
        own.sort_by(f32::total_cmp);
        others.sort_by(f32::total_cmp);
        let missed =
            |least: f32| own.partition_point(|score| *score < least) as f32 / own.len().max(1) as f32;
        let taken = |least: f32| {
            1.0 - others.partition_point(|score| *score < least) as f32 / others.len().max(1) as f32
        };
        let nearest = own
            .iter()
            .map(|least| (missed(*least), taken(*least)))
            .min_by(|(a, b), (c, d)| (a - b).abs().total_cmp(&(c - d).abs()));
        nearest.map_or(f32::NAN, |(a, b)| 50.0 * (a + b))
    };
    println!(
        "{} {length} s: equal error rate {:.1} %, named alone {:.1} %",
        road.name(),
        rate(false),
        rate(true)
    );
}

/// What a house of `members` makes of an utterance.
fn decide(people: &[Person], members: &[usize], said: &Said) -> Speaker {
    let candidates = members.iter().filter_map(|member| {
        let person = PersonId::from_bytes([*member as u8; 16]);
        Some(Candidate { person, score: score(&people[*member], said)?, trusted: false })
    });
    let sound = said.heard.sound;
    let voice = Voice {
        candidates: candidates.collect(),
        speech: sound.speech,
        above_noise: sound.above_noise,
        satellite_owner: None,
    };
    Recognition::default().decide(&voice)
}

#[derive(Default)]
struct Counts {
    own: u32,
    attributed: u32,
    certain: u32,
    wrong: u32,
    wrong_certain: u32,
    short: u32,
    others: u32,
    claimed: u32,
    obeyed: u32,
}

fn households(road: Road, length: f32, people: &[Person], said: &[Said]) {
    let enrolled = |kind: Kind| {
        let of_kind =
            (0..people.len()).filter(move |n| people[*n].kind == kind && people[*n].profile.is_some());
        of_kind.collect::<Vec<_>>()
    };
    let (named, estimated) = (enrolled(Kind::Named), enrolled(Kind::Estimated));
    if named.len() < 3 || estimated.is_empty() {
        return println!("too few have taught their voice for a household of four");
    }
    let mut state = 3_u64;
    let mut draw = |from: &mut Vec<usize>| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from.swap_remove((state >> 33) as usize % from.len())
    };
    let mut counts = Counts::default();
    for _ in 0..HOUSEHOLDS {
        let (mut named, mut estimated) = (named.clone(), estimated.clone());
        let mut members = vec![draw(&mut estimated)];
        members.extend((0..3).map(|_| draw(&mut named)));
        for said in said {
            let speaker = decide(people, &members, said);
            let taken = match speaker {
                Speaker::This { person, certain, .. } => Some((usize::from(person.bytes()[0]), certain)),
                _ => None,
            };
            if members.contains(&said.who) {
                counts.own += 1;
                counts.short += u32::from(speaker == Speaker::TooShort);
                match taken {
                    Some((who, certain)) if who == said.who => {
                        counts.attributed += 1;
                        counts.certain += u32::from(certain);
                    }
                    Some((_, certain)) => {
                        counts.wrong += 1;
                        counts.wrong_certain += u32::from(certain);
                    }
                    None => {}
                }
            } else if taken.is_none_or(|(who, _)| comparable(&people[who], &people[said.who])) {
                counts.others += 1;
                counts.claimed += u32::from(taken.is_some());
                counts.obeyed += u32::from(taken.is_some_and(|(_, certain)| certain));
            }
        }
    }
    let part = |count: u32, of: u32| 100.0 * f64::from(count) / f64::from(of.max(1));
    let heard = counts.own - counts.short;
    println!(
        "| {}, {length} s | {:.1} % | {:.1} % ({:.1} %) | {:.1} % | {:.2} % ({:.2} %) | {:.2} % | {:.3} % | {} / {} |",
        road.name(),
        part(counts.short, counts.own),
        part(counts.attributed, heard),
        part(counts.attributed, counts.own),
        part(counts.certain, heard),
        part(counts.wrong, counts.own),
        part(counts.wrong_certain, counts.own),
        part(counts.claimed, counts.others),
        part(counts.obeyed, counts.others),
        counts.own,
        counts.others
    );
}

/// All who are known by name in one house: who is taken for whom.
fn confusion(people: &[Person], said: &[Said]) {
    let named: Vec<usize> = (0..people.len())
        .filter(|n| people[*n].kind == Kind::Named && people[*n].profile.is_some())
        .collect();
    for who in &named {
        let mut row = vec![0; named.len() + 2];
        for said in said.iter().filter(|said| said.who == *who) {
            let column = match decide(people, &named, said) {
                Speaker::This { person, .. } => {
                    named.iter().position(|n| *n == usize::from(person.bytes()[0])).expect("a member")
                }
                Speaker::Unknown => named.len(),
                Speaker::TooShort => named.len() + 1,
            };
            row[column] += 1;
        }
        println!(
            "|   {} | {} |",
            people[*who].name,
            row.iter().map(u32::to_string).collect::<Vec<_>>().join(" | ")
        );
    }
}
