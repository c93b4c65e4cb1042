//! What is said to requests about one's own recordings, in English and German.

use sotto_house::Refusal;
use sotto_journal::EraseError;

use super::Period;

/// Why something was refused, to be spoken.
pub fn refusal(why: Refusal, language: &str) -> &'static str {
    let german = Text::of(language) == Text::German;
    match why {
        Refusal::NotSure if german => {
            "Ich bin nicht sicher, wer da spricht. Auf der Seite im Browser geht es immer."
        }
        Refusal::NotSure => "I am not sure who is speaking. You can always do that on the page.",
        Refusal::NotAllowed if german => "Das darf diese Stimme nicht.",
        Refusal::NotAllowed => "This voice may not do that.",
        Refusal::SayPin if german => "Sag jetzt: der Code ist, und die Ziffern.",
        Refusal::SayPin => "Now say: the code is, and its digits.",
        Refusal::WrongPin if german => "Das ist nicht der Code.",
        Refusal::WrongPin => "That is not the code.",
        Refusal::TooOften if german => "Das wurde zu oft versucht. In einigen Minuten geht es wieder.",
        Refusal::TooOften => "That was tried too often. It works again in some minutes.",
    }
}

/// The languages in which these answers are spoken; English where another is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    English,
    German,
}

impl Text {
    pub(super) fn of(language: &str) -> Text {
        if language.get(..2) == Some("de") { Text::German } else { Text::English }
    }

    pub(super) fn erased(self, count: u64) -> String {
        match (self, count) {
            (Text::English, 0) => "There was nothing of yours to delete.".into(),
            (Text::English, 1) => "One of your recordings is deleted.".into(),
            (Text::English, _) => format!("{count} of your recordings are deleted."),
            (Text::German, 0) => "Von dir gab es nichts zu löschen.".into(),
            (Text::German, 1) => "Eine deiner Aufnahmen ist gelöscht.".into(),
            (Text::German, _) => format!("{count} deiner Aufnahmen sind gelöscht."),
        }
    }

    pub(super) fn ask_back(self, period: Period) -> String {
        match (self, period) {
            (Text::English, Period::Week) => "To be sure, say: yes, delete this week.".into(),
            (Text::English, _) => "That cannot be undone. To be sure, say: yes, delete everything.".into(),
            (Text::German, Period::Week) => "Zur Sicherheit, sag: ja, lösche diese Woche.".into(),
            (Text::German, _) => {
                "Das lässt sich nicht rückgängig machen. Zur Sicherheit, sag: ja, lösche alles.".into()
            }
        }
    }

    pub(super) fn nothing_asked(self) -> String {
        match self {
            Text::English => "I had not asked you. Say first what to delete.",
            Text::German => "Ich hatte dich nicht gefragt. Sag erst, was gelöscht werden soll.",
        }
        .into()
    }

    pub(super) fn stopped(self) -> String {
        match self {
            Text::English => "From now on I keep no recordings of you.",
            Text::German => "Ab jetzt behalte ich keine Aufnahmen von dir.",
        }
        .into()
    }

    pub(super) fn count(self, count: u64) -> String {
        match (self, count) {
            (Text::English, 1) => "I have one recording of you.".into(),
            (Text::English, _) => format!("I have {count} recordings of you."),
            (Text::German, 1) => "Ich habe eine Aufnahme von dir.".into(),
            (Text::German, _) => format!("Ich habe {count} Aufnahmen von dir."),
        }
    }

    pub(super) fn listeners(self, names: &[String]) -> String {
        match (self, names) {
            (Text::English, []) => "In the last month nobody but you.".into(),
            (Text::English, names) => format!("In the last month: {}.", names.join(", ")),
            (Text::German, []) => "Im letzten Monat niemand außer dir.".into(),
            (Text::German, names) => format!("Im letzten Monat: {}.", names.join(", ")),
        }
    }

    pub(super) fn heard(self, heard: &str) -> String {
        match self {
            Text::English => format!("I heard: {heard}."),
            Text::German => format!("Ich habe gehört: {heard}."),
        }
    }

    pub(super) fn because(self, heard: &str, because: &str) -> String {
        match self {
            Text::English => format!("I heard: {heard}. That fits the sentence: {because}."),
            Text::German => format!("Ich habe gehört: {heard}. Das passt auf den Satz: {because}."),
        }
    }

    pub(super) fn nothing_heard(self) -> String {
        match self {
            Text::English => "In the last minute I heard nothing of you here.",
            Text::German => "In der letzten Minute habe ich hier nichts von dir gehört.",
        }
        .into()
    }

    pub(super) fn failed(self, error: &EraseError) -> String {
        match (self, error) {
            (Text::English, EraseError::NotByVoice) => {
                "You have not switched that on. You can on the page, under what is kept."
            }
            (Text::German, EraseError::NotByVoice) => {
                "Das hast du nicht eingeschaltet. Auf der Seite kannst du es, unter: was behalten wird."
            }
            (Text::English, _) => "That did not work. Please use the page.",
            (Text::German, _) => "Das hat nicht geklappt. Bitte nimm die Seite.",
        }
        .into()
    }
}
