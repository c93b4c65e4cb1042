//! Templates of devices and of the household, as Home Assistant's Jinja would render them.
//!
//! They come from the network, so each has fuel and a size; there is no file, no state and no clock to reach.

use std::sync::LazyLock;

use minijinja::value::{Rest, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

/// Longest template, in bytes.
pub const LIMIT: usize = 8 * 1024;
/// Steps a template may take; the longest that a device announces takes some hundreds.
const FUEL: u64 = 20_000;
/// Longest result that is kept.
const LONGEST: usize = 64 * 1024;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("is_defined", |value: Value| value);
    environment.add_filter("multiply", |value: f64, by: f64| value * by);
    environment.add_filter("to_json", |value: Value| serde_json::to_string(&value).unwrap_or_default());
    environment.add_filter("from_json", |text: String| {
        serde_json::from_str::<serde_json::Value>(&text)
            .map(|json| Value::from(Serde(json)))
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not JSON"))
    });
    environment.add_filter("iif", iif);
    environment.add_function("iif", iif);
    environment
});

/// `iif(test, yes, no)`, with `true` and `false` where they are left out.
fn iif(test: Value, choice: Rest<Value>) -> Value {
    let pick = if test.is_true() { (0, true) } else { (1, false) };
    choice.get(pick.0).cloned().unwrap_or_else(|| Value::from(pick.1))
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("the template is longer than {LIMIT} bytes; shorten it")]
    TooLong,
    #[error("the template does not parse: {0}")]
    Syntax(String),
    #[error("the template cannot be rendered: {0}")]
    Render(String),
}

/// Whether `source` is a template at all.
pub fn check(source: &str) -> Result<(), TemplateError> {
    if source.len() > LIMIT {
        return Err(TemplateError::TooLong);
    }
    ENVIRONMENT.template_from_str(source).map(drop).map_err(|e| TemplateError::Syntax(what(&e)))
}

/// Renders `source` with `context`'s variables.
pub fn render(source: &str, context: Value) -> Result<String, TemplateError> {
    if source.len() > LIMIT {
        return Err(TemplateError::TooLong);
    }
    let template =
        ENVIRONMENT.template_from_str(source).map_err(|error| TemplateError::Syntax(what(&error)))?;
    let mut out = Bounded(Vec::new());
    template.render_captured_to(context, &mut out).map_err(|error| TemplateError::Render(what(&error)))?;
    String::from_utf8(out.0).map_err(|_| TemplateError::Render("not a text".into()))
}

/// What a `value_template` makes of a payload; without a template the payload itself.
pub fn value(source: Option<&str>, payload: &str) -> Result<String, TemplateError> {
    let Some(source) = source else { return Ok(payload.to_owned()) };
    let json = serde_json::from_str::<serde_json::Value>(payload).ok();
    let json = json.map_or(Value::UNDEFINED, |json| Value::from(Serde(json)));
    render(source, minijinja::context! { value => payload, value_json => json })
}

/// Names the fault and its line, never the values that were rendered.
fn what(error: &Error) -> String {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    format!("{}{line}", error.kind())
}

struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_devices_announce_them() {
        let check = |source: &str, payload: &str, expect: &str| {
            assert_eq!(value(Some(source), payload).as_deref(), Ok(expect), "{source}");
        };
        check("{{ value_json.state }}", r#"{"state":"ON"}"#, "ON");
        check("{{value_json.POWER1}}", r#"{"POWER1":"OFF"}"#, "OFF");
        check("{{ value_json['temperature'] | float | round(1) }}", r#"{"temperature":21.46}"#, "21.5");
        check("{{value_json.Color.split(',')[0:3]|join(',')}}", r#"{"Color":"1,2,3,4"}"#, "1,2,3");
        check("{% if value_json.contact %}OFF{% else %}ON{% endif %}", r#"{"contact":false}"#, "ON");
        check("{{ iif(value_json.x > 3, 'a', 'b') }}", r#"{"x":4}"#, "a");
        check("{{ value | upper }}", "on", "ON");
        check("{{ value_json.gone }}", "{}", "");
        check("{{ value_json.a.b }}", "no json", "");
        assert_eq!(value(None, "ON").as_deref(), Ok("ON"));
    }

    #[test]
    fn a_template_cannot_take_for_ever_or_everything() {
        let check = |source: &str| assert!(value(Some(source), "{}").is_err(), "{source}");
        check("{% for a in range(100000) %}x{% endfor %}");
        check("{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}");
        check("{{ 'x' * 100000 }}");
        check("{% include 'passwd' %}");
        check(&"x".repeat(LIMIT + 1));
        assert!(check_fails("{{ value"));
        assert!(check_fails("{% endfor %}"));
    }

    fn check_fails(source: &str) -> bool {
        check(source).is_err()
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_arrives_makes_it_panic(source in ".{0,60}", payload in ".{0,60}") {
            let _ = value(Some(&source), &payload);
            let _ = value(Some(&format!("{{{{ {source} }}}}")), &payload);
        }
    }
}
