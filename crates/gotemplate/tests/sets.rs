//! Sets of templates: which definition is in force, and templates that functions execute.

use holdfast_gotemplate::{
    Functions, Limits, MissingKey, Options, Params, ParseOptions, Session, TemplateSet, Type, Value, parse,
};

use crate::support::session;

/// `include` and `tpl`, as Helm has them.
fn functions() -> Functions {
    let mut functions = Functions::sprig();
    functions.insert("include", Params::fixed(&[Type::String, Type::Any]), |context, args| {
        let Value::Str(name) = &args[0] else { return Err("no name".into()) };
        Ok(context.execute(name, &args[1])?.into())
    });
    functions.insert("tpl", Params::fixed(&[Type::String, Type::Any]), |context, args| {
        let Value::Str(text) = &args[0] else { return Err("no text".into()) };
        let functions = self::functions();
        let parsed =
            parse("gotpl", text, &ParseOptions::new(&functions)).map_err(|error| error.to_string())?;
        let mut templates = context.templates().clone();
        templates.add(&parsed);
        Ok(context.execute_in(templates, b"gotpl", &args[1])?.into())
    });
    functions
}

fn set(texts: &[(&str, &str)]) -> TemplateSet {
    let functions = functions();
    let mut templates = TemplateSet::new();
    for (name, text) in texts {
        templates.add(&parse(*name, text.as_bytes(), &ParseOptions::new(&functions)).expect("parses"));
    }
    templates
}

fn render(templates: &TemplateSet, name: &str) -> Result<String, String> {
    session(Limits::default())
        .execute(templates, name.as_bytes(), &Value::Nil)
        .map(|output| String::from_utf8_lossy(&output).into_owned())
        .map_err(|error| error.to_string())
}

#[test]
fn the_last_definition_wins_unless_it_is_empty() {
    let mut templates =
        set(&[("a", "{{define \"x\"}}1{{end}}"), ("b", "{{define \"x\"}}2{{end}}{{template \"x\"}}")]);
    assert_eq!(render(&templates, "b"), Ok("2".into()));
    let functions = functions();
    let options = ParseOptions::new(&functions);
    templates.add(&parse("c", b"{{define \"x\"}} {{/* nothing */}} {{end}}", &options).expect("parses"));
    assert_eq!(render(&templates, "b"), Ok("2".into()));
    assert_eq!(templates.names().len(), 4, "a, b, c and x");
}

#[test]
fn a_clone_is_independent() {
    let original = set(&[("a", "{{define \"x\"}}1{{end}}{{template \"x\"}}")]);
    let mut clone = original.clone();
    let functions = functions();
    for round in 0..20 {
        let text = format!("{{{{define \"x\"}}}}round {round}{{{{end}}}}");
        clone.add(&parse("b", text.as_bytes(), &ParseOptions::new(&functions)).expect("parses"));
        clone = clone.clone();
    }
    assert_eq!(render(&original, "a"), Ok("1".into()));
    assert_eq!(render(&clone, "a"), Ok("round 19".into()));
    assert!(original.get(b"b").is_none());
}

#[test]
fn errors_tell_the_chain_of_templates() {
    let templates = set(&[
        (
            "chart/_helpers.tpl",
            "{{define \"inner\"}}\n{{ .a.b }}{{end}}{{define \"outer\"}}{{include \"inner\" .}}{{end}}",
        ),
        ("chart/a.yaml", "x: {{ include \"outer\" (dict \"a\" nil) }}"),
    ]);
    assert_eq!(
        render(&templates, "chart/a.yaml"),
        Err("template: chart/a.yaml:1:6: executing \"chart/a.yaml\" at <include \"outer\" (dict \"a\" nil)>: \
             error calling include: template: chart/_helpers.tpl:2:37: executing \"outer\" at <include \"inner\" .>: \
             error calling include: template: chart/_helpers.tpl:2:5: executing \"inner\" at <.a.b>: \
             nil pointer evaluating interface {}.b"
            .into())
    );
}

#[test]
fn tpl_sees_and_shadows_definitions_for_itself_only() {
    let templates = set(&[(
        "a",
        "{{define \"x\"}}old{{end}}{{tpl `{{define \"x\"}}new{{end}}{{template \"x\"}} {{include \"x\" .}}` .}} {{template \"x\"}}",
    )]);
    assert_eq!(render(&templates, "a"), Ok("new new old".into()));
}

#[test]
fn a_template_that_does_not_exist() {
    assert_eq!(
        render(&set(&[]), "nope"),
        Err("template: no template \"nope\" associated with the set".into())
    );
}

#[test]
fn missing_keys_by_option() {
    let check = |missing_key, expected: Result<&str, &str>| {
        let options = Options { missing_key, limits: Limits::default(), now: 0, seed: [0; 32] };
        let data = Value::from_json(&serde_json::json!({}), holdfast_gotemplate::Numbers::Float64);
        let output = Session::new(options).execute(&set(&[("a", "{{ .x }}")]), b"a", &data);
        let output = output.map(|output| String::from_utf8_lossy(&output).into_owned());
        let output = output.as_ref().map(String::as_str).map_err(|error| error.message.as_str());
        assert_eq!(output, expected);
    };
    check(MissingKey::Invalid, Ok("<no value>"));
    check(MissingKey::Zero, Ok("<no value>"));
    check(MissingKey::Error, Err("template: a:1:3: executing \"a\" at <.x>: map has no entry for key \"x\""));
}

#[test]
fn other_delimiters() {
    let functions = functions();
    let options = ParseOptions { functions: &functions, left_delimiter: "<<", right_delimiter: ">>" };
    let mut templates = TemplateSet::new();
    templates.add(&parse("a", b"{{ x }} <<- 1 >> <</* c */>>", &options).expect("parses"));
    assert_eq!(render(&templates, "a"), Ok("{{ x }}1 ".into()));
}

#[test]
fn one_seed_gives_one_result() {
    let templates = set(&[("a", "{{ randAlphaNum 20 }} {{ uuidv4 }} {{ genPrivateKey \"ed25519\" }}")]);
    assert_eq!(render(&templates, "a"), render(&templates, "a"));
    let options = Options { missing_key: MissingKey::Zero, limits: Limits::default(), now: 0, seed: [8; 32] };
    let other = Session::new(options).execute(&templates, b"a", &Value::Nil).expect("renders");
    assert_ne!(render(&templates, "a").expect("renders").into_bytes(), other);
}
