//! Reads an index in YAML without making values of it: what is not needed of 50 MB is passed over.

use super::index::Listed;
use holdfast_yaml::Dialect;
use holdfast_yaml::syntax::{Dates, Event, Events, Resolved, Style, decode, events, resolve};

/// What an index says, as far as it is needed.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) api_version: Option<String>,
    pub(super) charts: Charts,
}

/// Charts with their versions; `None` stands for what is no version.
pub(super) type Charts = Vec<(String, Vec<Option<Listed>>)>;

/// Why the stream was not enough.
#[derive(Debug)]
pub(super) enum Stop {
    /// The text is no YAML.
    Syntax(holdfast_yaml::Error),
    /// The text uses what only a whole reading can follow: aliases, merge keys, keys that are no texts, or another
    /// shape than an index has.
    Unusual,
}

impl From<holdfast_yaml::Error> for Stop {
    fn from(error: holdfast_yaml::Error) -> Self {
        Self::Syntax(error)
    }
}

/// Reads the first document of a text.
pub(super) fn read(text: &[u8]) -> Result<Raw, Stop> {
    let text = decode(text, text.len())?;
    let mut reader = Reader { events: events(&text, Dialect::V2) };
    let mut raw = Raw::default();
    match reader.next()? {
        Event::DocumentStart => {}
        Event::StreamEnd => return Ok(raw),
        _ => return Err(Stop::Unusual),
    }
    reader.mapping(|reader, key| {
        match key {
            "apiVersion" => raw.api_version = reader.text()?,
            "entries" => raw.charts = reader.charts()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(raw)
}

struct Reader<'t> {
    events: Events<'t>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, Stop> {
        let (event, _) = self.events.next()?;
        match event {
            Event::Alias(_) => Err(Stop::Unusual),
            event => Ok(event),
        }
    }

    /// A mapping: `value` reads what stands at each key. Nothing (null) is an empty one.
    fn mapping(&mut self, mut value: impl FnMut(&mut Self, &str) -> Result<(), Stop>) -> Result<(), Stop> {
        match self.next()? {
            Event::MappingStart(..) => {}
            event => return if is_null(&event) { Ok(()) } else { Err(Stop::Unusual) },
        }
        loop {
            match self.next()? {
                Event::MappingEnd => return Ok(()),
                Event::Scalar { value: key, .. } if key != "<<" => value(self, &key)?,
                _ => return Err(Stop::Unusual),
            }
        }
    }

    fn charts(&mut self) -> Result<Charts, Stop> {
        let mut charts = Charts::new();
        self.mapping(|reader, name| {
            let versions = reader.versions()?;
            charts.push((name.to_owned(), versions));
            Ok(())
        })?;
        Ok(charts)
    }

    /// The versions of a chart; what is no list counts as none.
    fn versions(&mut self) -> Result<Vec<Option<Listed>>, Stop> {
        let event = self.next()?;
        if !matches!(event, Event::SequenceStart(..)) {
            self.skip_from(&event)?;
            return Ok(Vec::new());
        }
        let mut versions = Vec::new();
        loop {
            let event = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(versions),
                Event::MappingStart(..) => versions.push(Some(self.version()?)),
                other => {
                    self.skip_from(&other)?;
                    versions.push(None);
                }
            }
        }
    }

    /// One version, after its mapping began.
    fn version(&mut self) -> Result<Listed, Stop> {
        let mut listed = Listed::default();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(listed),
                Event::Scalar { value, .. } if value != "<<" => value,
                _ => return Err(Stop::Unusual),
            };
            match key.as_ref() {
                "name" => listed.name = self.text()?,
                "version" => listed.version = self.text()?,
                "digest" => listed.digest = self.text()?,
                "appVersion" => listed.app_version = self.text()?,
                "description" => listed.description = self.text()?,
                "urls" => listed.urls = self.texts()?,
                "deprecated" => {
                    let event = self.next()?;
                    listed.deprecated = plain(&event).is_some_and(|text| {
                        resolve(text, Dialect::V2, Dates::Allowed) == Resolved::Bool(true)
                    });
                    self.skip_from(&event)?;
                }
                _ => self.skip()?,
            }
        }
    }

    /// A text; `None` for anything else, plain numbers included.
    fn text(&mut self) -> Result<Option<String>, Stop> {
        let event = self.next()?;
        self.skip_from(&event)?;
        Ok(match event {
            Event::Scalar { properties, .. } if properties.tag.is_some() => return Err(Stop::Unusual),
            Event::Scalar { value, style: Style::Plain, .. } => {
                // V2 makes no value of dates: they stay the text they are.
                let is_text = matches!(
                    resolve(&value, Dialect::V2, Dates::Allowed),
                    Resolved::Text | Resolved::Timestamp(_)
                );
                is_text.then(|| value.into_owned())
            }
            Event::Scalar { value, .. } => Some(value.into_owned()),
            _ => None,
        })
    }

    fn texts(&mut self) -> Result<Vec<String>, Stop> {
        let event = self.next()?;
        if !matches!(event, Event::SequenceStart(..)) {
            self.skip_from(&event)?;
            return Ok(Vec::new());
        }
        let mut texts = Vec::new();
        loop {
            let event = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(texts),
                Event::Scalar { value, .. } => texts.push(value.into_owned()),
                other => self.skip_from(&other)?,
            }
        }
    }

    fn skip(&mut self) -> Result<(), Stop> {
        let event = self.next()?;
        self.skip_from(&event)
    }

    /// Passes over the rest of a node whose first event was read.
    fn skip_from(&mut self, first: &Event<'_>) -> Result<(), Stop> {
        let mut depth = match first {
            Event::MappingStart(..) | Event::SequenceStart(..) => 1,
            _ => return Ok(()),
        };
        while depth > 0 {
            match self.next()? {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

fn plain<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match event {
        Event::Scalar { value, style: Style::Plain, .. } => Some(value),
        _ => None,
    }
}

fn is_null(event: &Event<'_>) -> bool {
    plain(event).is_some_and(|text| resolve(text, Dialect::V2, Dates::Allowed) == Resolved::Null)
}
