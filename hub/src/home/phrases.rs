//! What the hub says of the house, in the languages it has words for; English elsewhere.

/// A language the hub has phrases in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

/// Something to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Phrase<'a> {
    Yes,
    No,
    Is {
        name: &'a str,
        state: &'a str,
        unit: &'a str,
    },
    Degrees(f64),
    /// No device and nobody on the broker takes the command.
    Nobody,
    Ambiguous,
    Unable,
    Senseless,
    /// The device is away.
    Away,
    /// The broker is away, or it took too long.
    NotReached,
    /// Say it again to confirm.
    SayAgain,
}

impl Language {
    /// By two-letter code, as in `de-CH`.
    pub fn of(code: &str) -> Language {
        match code.get(..2) {
            Some("de") => Language::German,
            _ => Language::English,
        }
    }

    /// Whether there are phrases in this language, or English ones must do.
    pub fn has(code: &str) -> bool {
        matches!(code.get(..2), Some("de" | "en"))
    }

    pub fn say(self, phrase: Phrase<'_>) -> String {
        match self {
            Language::English => english(phrase),
            Language::German => german(phrase),
        }
    }
}

fn english(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Yes => "Yes.".into(),
        Phrase::No => "No.".into(),
        Phrase::Is { name, state, unit } => sentence(&format!("{name} is {state} {unit}")),
        Phrase::Degrees(degrees) => format!("It is {degrees} degrees."),
        Phrase::Nobody => "Nothing in the house does that yet.".into(),
        Phrase::Ambiguous => "There are several of those. Which one do you mean?".into(),
        Phrase::Unable => "It cannot do that.".into(),
        Phrase::Senseless => "That does not work.".into(),
        Phrase::Away => "It does not answer.".into(),
        Phrase::NotReached => "I cannot reach the house.".into(),
        Phrase::SayAgain => "Say it once more if you are sure.".into(),
    }
}

fn german(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Yes => "Ja.".into(),
        Phrase::No => "Nein.".into(),
        Phrase::Is { name, state, unit } => {
            let state = match state {
                "on" => "an",
                "off" => "aus",
                "open" => "offen",
                "closed" => "geschlossen",
                "opening" => "am Öffnen",
                "closing" => "am Schließen",
                "locked" => "abgeschlossen",
                "unlocked" => "aufgeschlossen",
                other => other,
            };
            let state = match state.parse::<f64>() {
                Ok(_) => state.replace('.', ","),
                Err(_) => state.to_owned(),
            };
            sentence(&format!("{name} ist {state} {unit}"))
        }
        Phrase::Degrees(degrees) => format!("Es sind {} Grad.", degrees.to_string().replace('.', ",")),
        Phrase::Nobody => "Das kann im Haus noch nichts.".into(),
        Phrase::Ambiguous => "Davon gibt es mehrere. Was ist gemeint?".into(),
        Phrase::Unable => "Das kann es nicht.".into(),
        Phrase::Senseless => "Das geht so nicht.".into(),
        Phrase::Away => "Es antwortet nicht.".into(),
        Phrase::NotReached => "Ich erreiche das Haus nicht.".into(),
        Phrase::SayAgain => "Sag es noch einmal, wenn du sicher bist.".into(),
    }
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim())
}
