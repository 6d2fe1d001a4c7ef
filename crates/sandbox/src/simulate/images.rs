use std::time::Duration;

/// What a container of an image does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageBehaviour {
    /// It runs and is ready after a while.
    Ready {
        /// From the start of the pod to readiness.
        after: Duration,
    },
    /// It runs and never becomes ready.
    NeverReady,
    /// It ends with an error each time it is started.
    Crash,
    /// Its image cannot be pulled.
    PullError,
}

/// How containers behave, by the patterns that their images match.
#[derive(Debug, Clone)]
pub struct ImageTable {
    /// `(pattern, behaviour)`; the first that matches counts. `*` in a pattern stands for any text.
    pub rules: Vec<(String, ImageBehaviour)>,
    /// What the rest does.
    pub otherwise: ImageBehaviour,
}

impl Default for ImageTable {
    /// Everything is ready after a second.
    fn default() -> Self {
        Self { rules: Vec::new(), otherwise: ImageBehaviour::Ready { after: Duration::from_secs(1) } }
    }
}

impl ImageTable {
    /// The table with a rule before all others.
    #[must_use]
    pub fn with(mut self, pattern: &str, behaviour: ImageBehaviour) -> Self {
        self.rules.insert(0, (pattern.to_owned(), behaviour));
        self
    }

    /// What a container of `image` does.
    pub fn behaviour(&self, image: &str) -> &ImageBehaviour {
        let rule = self.rules.iter().find(|(pattern, _)| matches(pattern, image));
        rule.map_or(&self.otherwise, |(_, behaviour)| behaviour)
    }
}

/// True when a text matches a pattern with `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let table = ImageTable::default()
            .with("*", ImageBehaviour::NeverReady)
            .with("*:bad", ImageBehaviour::Crash)
            .with("nginx", ImageBehaviour::PullError);
        for (image, expected) in [
            ("nginx", ImageBehaviour::PullError),
            ("nginx:bad", ImageBehaviour::Crash),
            ("a/b:badly", ImageBehaviour::NeverReady),
        ] {
            assert_eq!(*table.behaviour(image), expected, "{image}");
        }
        assert!(matches("a*b*c", "axxbyyc") && !matches("a*b*c", "axxc") && !matches("ab*ba", "aba"));
    }
}
