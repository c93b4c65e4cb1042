//! What is said back: Home Assistant's response templates, rendered with slots and with what is known of the house.
//!
//! A template sees `slots` (as spoken, else the value), `state` (the first thing meant), `query.matched` and
//! `query.unmatched` (all things meant, by whether they are in the state asked for) and `state_attr(id, name)`.
//! Templates are Jinja; the few Python methods that they use on texts and maps are understood too.

use std::collections::BTreeMap;

use minijinja::value::{Kwargs, Rest, Serde};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value as Jinja};
use serde_json::{Map, json};

use crate::folding::{fold_text, remove_punctuation};
use crate::home::{Entity, Home};
use crate::outcome::Match;
use crate::problem::Problem;
use crate::sentences::{Action, Sentences};
use crate::value::Value;

/// Most steps of one template: a response takes some hundreds.
const FUEL: u64 = 100_000;

/// Why a response could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("the response {key:?} of {intent} cannot be rendered: {why}; correct its template")]
pub struct RespondError {
    pub intent: String,
    pub key: String,
    pub why: String,
}

/// The responses of a language, ready to render.
#[derive(Debug)]
pub struct Responder {
    environment: Environment<'static>,
    problems: Vec<Problem>,
}

impl Responder {
    pub fn new(sentences: &Sentences) -> Responder {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(python_method);
        // As in Python's Jinja, what is no number is 0: "twenty" stays a word where it is said, and harms nowhere.
        let or = |default: Option<Jinja>| default.unwrap_or(Jinja::from(0));
        environment.add_filter("float", move |value: &Jinja, default: Option<Jinja>| {
            number(value).map_or_else(|| or(default), Jinja::from)
        });
        environment.add_filter("int", move |value: &Jinja, default: Option<Jinja>| {
            number(value).map_or_else(|| or(default), |n| Jinja::from(n.trunc() as i64))
        });
        let mut problems = Vec::new();
        let intents = sentences
            .responses
            .iter()
            .flat_map(|(intent, keys)| keys.iter().map(move |(k, t)| (format!("{intent}/{k}"), t)));
        let errors = sentences.errors.iter().map(|(key, template)| (format!("/{key}"), template));
        for (name, template) in intents.chain(errors) {
            if let Err(error) = environment.add_template_owned(name.clone(), without_colons(template)) {
                let what = format!("the response {name} is no template: {error}");
                problems.push(
                    Problem::new("responses", 0, 0, what).instead("correct it, as in {{ slots.name }}"),
                );
            }
        }
        Responder { environment, problems }
    }

    /// Responses that cannot be rendered at all.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What to say to a command that was understood and done. `more` are slots that only the doer knows: `date`,
    /// `time`, `timers`, `count`. `None` where the language has no such response.
    pub fn respond(
        &self,
        done: &Match,
        home: &Home,
        more: &BTreeMap<String, Value>,
    ) -> Result<Option<String>, RespondError> {
        let name = |key: &str| format!("{}/{key}", done.intent);
        let template = self.environment.get_template(&name(&done.response));
        let Ok(template) = template.or_else(|_| self.environment.get_template(&name("default"))) else {
            return Ok(None);
        };
        let rendered = template.render(variables(done, home, more)).map_err(|error| RespondError {
            intent: done.intent.clone(),
            key: done.response.clone(),
            why: error.to_string(),
        })?;
        let text = rendered.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok((!text.is_empty()).then_some(text))
    }

    /// Whether the state of anything that a question is about is known.
    pub fn knows(&self, asked: &Match, home: &Home) -> bool {
        let (matched, unmatched) = meant(asked, home);
        matched.into_iter().chain(unmatched).any(|thing| thing.state.is_some())
    }

    /// What to say where something went wrong: `no_intent`, `no_area` … with what the template names.
    pub fn error(&self, key: &str, more: &BTreeMap<String, Value>) -> Option<String> {
        let template = self.environment.get_template(&format!("/{key}")).ok()?;
        let variables: Map<String, serde_json::Value> =
            more.iter().map(|(k, v)| (k.clone(), v.to_json())).collect();
        template
            .render(jinja(variables))
            .ok()
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Action {
    /// Topic and payload with the slots put in. A topic that slots would break (`#`, `+`, empty) is an error.
    pub fn render(&self, found: &Match) -> Result<(String, String), RespondError> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(python_method);
        let slots: Map<String, serde_json::Value> =
            found.slots.iter().map(|s| (s.name.clone(), s.value.to_json())).collect();
        let variables = jinja(json!({ "slots": slots, "intent": found.intent }));
        let failed =
            |key: &str, why: String| RespondError { intent: found.intent.clone(), key: key.to_owned(), why };
        let render = |key: &str, template: &str| {
            environment.render_str(template, &variables).map_err(|error| failed(key, error.to_string()))
        };
        let topic = render("topic", &self.topic)?;
        if topic.is_empty() || topic.contains(['#', '+', '\0']) {
            return Err(failed("topic", "the topic is empty or holds # or +".to_owned()));
        }
        Ok((topic, render("payload", &self.payload)?))
    }
}

/// `{% if x: %}` is fine with Python's Jinja.
fn without_colons(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let inside = &rest[start..start + length];
        let (inside, dash) = inside.strip_suffix('-').map_or((inside, ""), |i| (i, "-"));
        out.push_str(&rest[..start]);
        out.push_str(inside.trim_end().trim_end_matches(':'));
        out.push(' ');
        out.push_str(dash);
        out.push_str("%}");
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    out
}

fn variables(done: &Match, home: &Home, more: &BTreeMap<String, Value>) -> Jinja {
    let mut slots = Map::new();
    for slot in &done.slots {
        let spoken = remove_punctuation(&slot.spoken).trim().to_owned();
        let value = if spoken.is_empty() { slot.value.to_json() } else { spoken.into() };
        slots.insert(slot.name.clone(), value);
    }
    slots.extend(more.iter().map(|(name, value)| (name.clone(), value.to_json())));
    let (matched, unmatched) = meant(done, home);
    let attributes: BTreeMap<String, Jinja> =
        matched.iter().map(|e| (e.id.clone(), jinja(&facts(e)["attributes"]))).collect();
    let state_attr = move |id: &str, name: &str| {
        attributes
            .get(id)
            .and_then(|a| a.get_attr(name).ok())
            .filter(|v| !v.is_undefined())
            .unwrap_or(Jinja::from(()))
    };
    let [matched, unmatched] = [matched, unmatched].map(|all| all.into_iter().map(facts).collect::<Vec<_>>());
    let first = matched.first().or(unmatched.first()).cloned();
    let query = json!({ "total_results": matched.len() + unmatched.len(), "matched": matched, "unmatched": unmatched });
    minijinja::context! {
        slots => jinja(slots),
        state => first.map(jinja),
        query => jinja(query),
        state_attr => Jinja::from_function(state_attr),
    }
}

/// The things that a command is about: those in the state that it asks for, and the others.
fn meant<'h>(done: &Match, home: &'h Home) -> (Vec<&'h Entity>, Vec<&'h Entity>) {
    let text = |name: &str| done.slot(name).and_then(|s| s.value.as_text()).map(|t| fold_text(t.trim()));
    let only = match done.intent.as_str() {
        "HassClimateGetTemperature" | "HassClimateSetTemperature" => Some("climate"),
        "HassGetWeather" => Some("weather"),
        _ => None,
    };
    let (name, area, floor) = (text("name"), text("area"), text("floor"));
    let (domain, class, state) =
        (text("domain"), done.slot("device_class").map(|s| &s.value), done.slot("state").map(|s| &s.value));
    let is = |wanted: &str, name: &str, aliases: &[String]| {
        fold_text(name) == wanted || aliases.iter().any(|a| fold_text(a) == wanted)
    };
    let in_area = |entity: &Entity| {
        area.as_ref().is_none_or(|wanted| {
            home.areas.iter().any(|a| entity.area.as_ref() == Some(&a.id) && is(wanted, &a.name, &a.aliases))
        })
    };
    let on_floor = |entity: &Entity| {
        floor.as_ref().is_none_or(|wanted| {
            let its = home
                .areas
                .iter()
                .find(|a| entity.area.as_ref() == Some(&a.id))
                .and_then(|a| a.floor.as_ref());
            home.floors.iter().any(|f| its == Some(&f.id) && is(wanted, &f.name, &f.aliases))
        })
    };
    let mut seen = std::collections::HashSet::new();
    let all = home.entities.iter().filter(|entity| {
        only.is_none_or(|domain| entity.domain() == domain)
            && name.as_ref().is_none_or(|wanted| is(wanted, &entity.name, &entity.aliases))
            && in_area(entity)
            && on_floor(entity)
            && domain.as_ref().is_none_or(|wanted| entity.domain() == wanted)
            && class.is_none_or(|wanted| {
                entity.attributes.get("device_class").is_some_and(|c| c.is_or_is_in(wanted))
            })
            && seen.insert((&entity.id, &entity.area, &entity.state))
    });
    all.partition(|entity| {
        state.is_none_or(|wanted| {
            entity.state.as_ref().is_some_and(|actual| Value::from(actual.as_str()).is_or_is_in(wanted))
        })
    })
}

fn facts(entity: &Entity) -> serde_json::Value {
    let state = entity.shown.as_deref().or(entity.state.as_deref()).unwrap_or("unknown");
    let attributes: Map<String, serde_json::Value> =
        entity.attributes.iter().map(|(k, v)| (k.clone(), v.to_json())).collect();
    let with_unit = match entity.attributes.get("unit_of_measurement") {
        Some(unit) => format!("{state} {unit}"),
        None => state.to_owned(),
    };
    json!({
        "entity_id": entity.id,
        "name": entity.name,
        "domain": entity.domain(),
        "state": state,
        "state_with_unit": with_unit,
        "attributes": attributes,
    })
}

/// Python's methods on texts and maps, as far as responses use them.
fn python_method(_: &mut State, value: &Jinja, method: &str, arguments: &[Jinja]) -> Result<Jinja, Error> {
    let text = value.as_str();
    match (method, text) {
        ("get", _) => {
            let (key, rest): (Jinja, Rest<Jinja>) = minijinja::value::from_args(arguments)?;
            let found = value.get_item(&key).ok().filter(|v| !v.is_undefined());
            Ok(found.or_else(|| rest.first().cloned()).unwrap_or(Jinja::from(())))
        }
        ("lower", Some(text)) => Ok(text.to_lowercase().into()),
        ("upper", Some(text)) => Ok(text.to_uppercase().into()),
        ("strip", Some(text)) => Ok(text.trim().into()),
        ("weekday", None) => {
            let part =
                |name: &str| value.get_attr(name).ok().and_then(|v| i64::try_from(v).ok()).unwrap_or(1);
            Ok(weekday(part("year"), part("month"), part("day")).into())
        }
        ("format", Some(text)) => {
            let (values, _): (Rest<Jinja>, Kwargs) = minijinja::value::from_args(arguments)?;
            Ok(format_like_python(text, &values).into())
        }
        _ => Err(Error::new(ErrorKind::UnknownMethod, format!("there is no method {method} here"))),
    }
}

fn number(value: &Jinja) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    }
}

/// The day of the week, Monday 0 (Sakamoto's method).
fn weekday(year: i64, month: i64, day: i64) -> i64 {
    const SHIFTS: [i64; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = if month < 3 { year - 1 } else { year };
    let shift = SHIFTS[(month - 1).rem_euclid(12) as usize];
    (year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + shift + day + 6).rem_euclid(7)
}

/// `{}`, `{0}` and `{0:02d}`; anything else stays as it is.
fn format_like_python(text: &str, values: &[Jinja]) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut next = 0;
    while let Some(start) = rest.find('{') {
        let Some(length) = rest[start..].find('}') else { break };
        let (index, form) =
            rest[start + 1..start + length].split_once(':').unwrap_or((&rest[start + 1..start + length], ""));
        let at = index.parse().unwrap_or(next);
        next = at + 1;
        out.push_str(&rest[..start]);
        let width: usize = form.trim_end_matches('d').parse().unwrap_or(0);
        if let Some(value) = values.get(at) {
            let value = value.to_string();
            let fill = if form.starts_with('0') { "0" } else { " " };
            out.push_str(&fill.repeat(width.min(40).saturating_sub(value.chars().count())));
            out.push_str(&value);
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

fn jinja(value: impl serde::Serialize) -> Jinja {
    Jinja::from(Serde(&value))
}
