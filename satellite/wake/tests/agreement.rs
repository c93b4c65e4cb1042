//! Every feature and every probability is, to the bit, what pymicro-wakeword computes from the same sound.
//!
//! `tests/data/peer.txt` is what the Python package said about ten clips (`benches/peer.py golden`).

mod common;

use std::collections::BTreeMap;

use sotto_wake::Model;
use sotto_wake::frontend::{Features, FrontEnd};

fn features(samples: &[i16]) -> Vec<Features> {
    let (mut frontend, mut rest) = (FrontEnd::new(), samples);
    std::iter::from_fn(|| frontend.next(&mut rest)).collect()
}

/// FNV-1a of all features as little-endian bytes.
fn fingerprint(features: &[Features]) -> String {
    let bytes = features.iter().flatten().flat_map(|f| f.to_le_bytes());
    let hash =
        bytes.fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    format!("{hash:016x}")
}

#[test]
fn same_bits_as_the_python_package() {
    let Some(shared) = common::shared() else { return };
    let mut clips: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for line in include_str!("data/peer.txt").lines() {
        let [clip, what, value] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("bad line {line}") };
        clips.entry(clip).or_default().push((what, value));
    }
    let mut compared = 0;
    for (clip, expected) in clips {
        let heard = features(&common::sound(&shared.join("speech").join(clip)));
        for (what, value) in expected {
            if what == "features" {
                assert_eq!(fingerprint(&heard), value, "features of {clip}");
                continue;
            }
            let model = Model::open(&shared.join(format!("models/wake/{what}.json"))).expect("a good model");
            let mut network = model.network().expect("a network of its own");
            let ours: String = heard
                .iter()
                .filter_map(|f| network.push(f))
                .map(|p| format!("{:02x}", (p * 256.0) as u8))
                .collect();
            assert_eq!(ours, value, "{what} hearing {clip}");
            compared += ours.len() / 2;
        }
    }
    assert!(compared > 5_000, "only {compared} probabilities compared");
}
