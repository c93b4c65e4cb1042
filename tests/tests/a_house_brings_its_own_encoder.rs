//! An encoder of the household's own: refused where it would take strangers for members, whatever else it is; and a voice
//! that another model learned is nobody's until it is taught again, while doors stay closed to it.

#[path = "../../hub/hearing/tests/common/onnx.rs"]
mod onnx;

use std::path::Path;

use jiff::Timestamp;
use onnx::Size;
use sotto_hearing::speaker::{self, Encoder};
use sotto_house::{Recognition, Role, SatelliteId, Speaker};
use sotto_hub::voices::Voices;
use sotto_journal::{Hardness, Journal, Options};
use sotto_tests::programs::{answer, program};
use sotto_tests::{audio, data};

#[test]
fn an_encoder_that_tells_nobody_apart_is_refused() {
    let Some(data) = data::or_skip("a house brings its own encoder") else { return };
    let house = tempfile::tempdir().unwrap();
    let (file, others) = (house.path().join("own.onnx"), house.path().join("others"));
    std::fs::create_dir(&others).unwrap();
    let readers = std::fs::read_dir(data.join("speech/neg/libri_1utt_per_speaker")).unwrap().flatten();
    let mut readers: Vec<_> = readers.map(|entry| entry.path()).collect();
    readers.sort();
    let pull = |more: &[&Path]| {
        let mut command = program("sotto-hub");
        command.args(["models", "pull", "speaker", "--data"]).arg(house.path().join("hub"));
        command.arg("--from").arg(&file);
        for folder in more {
            command.arg("--others").arg(folder);
        }
        answer(&mut command, "")
    };
    std::fs::write(&file, "RIFF").unwrap();
    let (_, said, code) = pull(&[&others]);
    assert!(code == 2 && said.contains("own.onnx") && said.contains("is not an ONNX model"), "{code} {said}");
    // The energy of each band says what was said, and little of who said it.
    std::fs::write(&file, onnx::of_bands(&[Size::Any, Size::Any, Size::Is(80)]).model()).unwrap();
    let (_, said, code) = pull(&[]);
    assert!(code == 2 && said.contains("--others"), "{code} {said}");
    let (_, said, code) = pull(&[&others]);
    assert!(code == 2 && said.contains("holds 0 FLAC files"), "{code} {said}");
    for reader in &readers {
        std::os::unix::fs::symlink(reader, others.join(reader.file_name().unwrap())).unwrap();
    }
    let (table, said, code) = pull(&[&others]);
    println!("{table}{said}");
    assert!(code == 1 && said.contains("nothing was changed"), "{code} {said}");
    assert!(table.contains("strangers' taken for theirs"), "{table}");
    assert!(speaker::installed(&house.path().join("hub/models")).is_none());
}

#[test]
fn a_voice_that_another_model_learned_is_nobodys_and_opens_nothing() {
    let story = "a voice that another model learned";
    let Some(data) = data::or_skip(story) else { return };
    let models = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speaker");
    if let Err(error) = speaker::PACKAGE.fetch(&models, |_| std::ops::ControlFlow::Continue(())) {
        return eprintln!("SKIPPED: {story}: the speaker model is not here: {error}");
    }
    let house = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let options = Options { hardness: Hardness::NONE_FOR_TESTS, ..Options::default() };
    let journal = Journal::open(house.path(), options, now).unwrap();
    journal.add_member("Ada", Role::Adult, true, "four quiet herons wait", now).unwrap();
    let ada = journal.sign_in("Ada", "four quiet herons wait", now).unwrap();
    let voices = Voices::open(&models, journal.clone()).unwrap();
    let clip = audio::flac(&data.join("speech/asr/jfk/jfk.flac"));
    let hall = SatelliteId::new("hall").unwrap();
    assert!(voices.recognise(&clip, &hall).is_none(), "nobody is enrolled, and nothing is compared");

    // Ten sentences of 192 numbers, by an encoder that was here before.
    let numbers = (0..10 * 2 * 192).flat_map(|n: u32| ((n % 7) as f32 - 3.0).to_le_bytes());
    let before = [&[2, 10][..], &[9; 32], &192_u16.to_le_bytes(), &numbers.collect::<Vec<u8>>()].concat();
    journal.set_voice(&ada, &before, now).unwrap();
    voices.reload().unwrap();
    let heard = voices.recognise(&clip, &hall).expect("somebody is enrolled");
    assert!(heard.candidates.is_empty(), "{heard:?}");
    assert_eq!(Recognition::default().decide(&heard), Speaker::Unknown);

    // Taught again, it is compared.
    let encoder = Encoder::open(&models, Path::new("")).unwrap();
    let mut profile = encoder.profile();
    while profile.len() < speaker::TAKES {
        profile.add(speaker::Take::new(&clip, &encoder).unwrap()).unwrap();
    }
    journal.set_voice(&ada, &profile.to_bytes(), now).unwrap();
    voices.reload().unwrap();
    let heard = voices.recognise(&clip, &hall).expect("somebody is enrolled");
    assert!(
        matches!(Recognition::default().decide(&heard), Speaker::This { certain: true, .. }),
        "{heard:?}"
    );
    // Without any model it is as before anybody was enrolled.
    voices.tell_apart_with(None).unwrap();
    assert!(voices.recognise(&clip, &hall).is_none());
}
