//! Which frames the decoder gets: long pauses, and other people's talk in the background, confuse it more than any
//! noise, so they are cut out before it hears them.

/// Shorter rises are clicks: 40 ms.
const SHORTEST: usize = 4;
/// Kept before and after speech: 80 and 100 ms, for weak consonants.
const BEFORE: usize = 8;
const AFTER: usize = 10;

/// Whether each frame belongs to speech, with a margin on both sides. `spoken` is how likely each holds a voice.
pub fn speech(spoken: &[f32], threshold: f32) -> Vec<bool> {
    let mut core: Vec<bool> = spoken.iter().map(|part| *part > threshold).collect();
    let mut start = 0;
    for run in core.clone().chunk_by(|a, b| a == b) {
        if run[0] && run.len() < SHORTEST {
            core[start..start + run.len()].fill(false);
        }
        start += run.len();
    }
    let mut speech = core.clone();
    for (t, _) in core.iter().enumerate().filter(|(_, voice)| **voice) {
        let margin = t.saturating_sub(BEFORE)..(t + AFTER + 1).min(speech.len());
        speech[margin].fill(true);
    }
    speech
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_has_margins_and_clicks_are_not_speech() {
        let mut spoken = vec![0.0; 100];
        spoken[50..60].fill(0.9);
        spoken[10..13].fill(0.9);
        let found = speech(&spoken, 0.5);
        let kept: Vec<usize> = (0..100).filter(|t| found[*t]).collect();
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&42), Some(&69), 28));
        assert!(speech(&[], 0.5).is_empty());
    }
}
