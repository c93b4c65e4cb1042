//! What every page has around it: language, navigation, who is signed in.

use std::sync::atomic::Ordering;

use sotto_journal::Person;

use crate::assets;
use crate::language::{self, Language};
use crate::session::Session;

/// The frame of one page, as the templates see it.
pub struct Frame {
    pub w: &'static Language,
    /// A key of the locale files.
    pub title: &'static str,
    pub who: Option<Who>,
    /// Goes into every form.
    pub csrf: String,
    /// The first part of the path, to mark where one is.
    pub here: String,
    /// Where a change of language comes back to.
    pub path: String,
    pub style: &'static str,
    pub script: &'static str,
}

pub struct Who {
    pub name: String,
    pub reviewer: bool,
}

/// One place to go to.
pub struct Place {
    pub path: &'static str,
    pub key: &'static str,
    pub here: bool,
}

impl Frame {
    pub fn new(
        w: &'static Language,
        title: &'static str,
        session: Option<&Session<Person>>,
        path: &str,
    ) -> Frame {
        let here = path.split(['/', '?']).nth(1).unwrap_or_default().to_owned();
        Frame {
            w,
            title,
            who: session.map(|session| Who {
                name: session.person.name().to_owned(),
                reviewer: session.reviewer.load(Ordering::Relaxed),
            }),
            csrf: session.map(|session| session.csrf.clone()).unwrap_or_default(),
            here,
            path: path.to_owned(),
            style: assets::style(),
            script: assets::script(),
        }
    }

    /// Where this person can go, the daily ones first.
    pub fn places(&self) -> Vec<Place> {
        let Some(who) = &self.who else { return Vec::new() };
        let place = |path: &'static str, key: &'static str| Place {
            path,
            key,
            here: path.trim_start_matches('/') == self.here,
        };
        let mut places = vec![
            place("/history", "nav.history"),
            place("/listened", "nav.listened"),
            place("/settings", "nav.settings"),
            place("/house", "nav.house"),
        ];
        if who.reviewer {
            places.push(place("/review", "nav.review"));
        }
        places.push(place("/people", "nav.people"));
        places.push(place("/bench", "nav.bench"));
        places.push(place("/health", "nav.health"));
        places
    }

    /// The languages, each by its own name.
    pub fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        language::all().iter().map(|w| (w.code, w.say("language.name"), w.code == self.w.code)).collect()
    }
}
