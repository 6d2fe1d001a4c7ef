use super::{Make, SingleTransformer, visit};
use crate::config::Spec;
use crate::error::{BuildError, Result};
use crate::kustomization::Image;
use crate::node::{Node, wrong_kind};
use crate::resource::Resource;
use crate::schema::Schemas;
use regex::Regex;

/// Changes the images that a name matches.
#[derive(Debug)]
pub(crate) struct ImageTag {
    image: Image,
    /// `None` for a name that is no regular expression: it matches nothing, as in the original.
    pattern: Option<Regex>,
    /// A part every match starts with, to look before the regular expression does.
    literal: String,
    specs: Vec<Spec>,
}

impl ImageTag {
    pub(crate) fn new(image: Image, specs: Vec<Spec>) -> Self {
        // Not escaped: people use `.*` here.
        let pattern = Regex::new(&format!(
            "^{}(:[a-zA-Z0-9_.{{}}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{{}}-]*)?$",
            image.name
        ));
        let special = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '/');
        let mut literal = image.name.split(special).next().unwrap_or_default().to_owned();
        // What follows may make the last character optional, or the whole an alternative.
        literal.pop();
        if image.name.contains('|') {
            literal.clear();
        }
        Self { image, pattern: pattern.ok(), literal, specs }
    }

    fn update(&self, node: &mut Node) -> std::result::Result<(), String> {
        if node.is_null() {
            return Ok(());
        }
        let Some(scalar) = node.as_scalar() else { return Err(wrong_kind("a scalar", node)) };
        let Some(pattern) = &self.pattern else { return Ok(()) };
        if !scalar.text.starts_with(&self.literal) || !pattern.is_match(&scalar.text) {
            return Ok(());
        }
        let (name, tag, digest) = split(&scalar.text);
        let image = &self.image;
        let name = if image.new_name.is_empty() { name } else { &image.new_name };
        let suffixed = format!("{tag}{}", image.tag_suffix);
        let (tag, digest) = match (image.new_tag.as_str(), image.digest.as_str()) {
            ("", "") if !image.tag_suffix.is_empty() => (suffixed.as_str(), ""),
            ("", "") => (tag, digest),
            (tag, digest) => (tag, digest),
        };
        let mut text = name.to_owned();
        if !tag.is_empty() {
            text = format!("{text}:{tag}");
        }
        if !digest.is_empty() {
            text = format!("{text}@{digest}");
        }
        node.set_untagged(text);
        Ok(())
    }

    /// The images of `containers` and `initContainers` wherever they stand.
    fn walk(&self, node: &mut Node) -> std::result::Result<(), String> {
        match node {
            Node::Seq(items) => items.iter_mut().try_for_each(|item| self.walk(item)),
            Node::Map(map) => {
                for (key, value) in &mut map.entries {
                    self.walk(value)?;
                    if !matches!(key.text.as_str(), "containers" | "initContainers") {
                        continue;
                    }
                    let Node::Seq(items) = value else { continue };
                    for item in items {
                        match item {
                            Node::Map(container) => {
                                if let Some(image) = container.get_mut("image") {
                                    self.update(image)?;
                                }
                            }
                            other if other.is_null() => {}
                            other => return Err(wrong_kind("a mapping", other)),
                        }
                    }
                }
                Ok(())
            }
            Node::Scalar(_) => Ok(()),
        }
    }
}

impl SingleTransformer for ImageTag {
    fn transform_one(&self, resource: &mut Resource, schemas: &Schemas) -> Result<()> {
        if resource.id.gvk.kind == "CustomResourceDefinition" {
            return Ok(());
        }
        self.walk(&mut resource.node).map_err(|e| BuildError::new(e).of_object(&resource.id))?;
        schemas
            .budget
            .spend(self.image.new_name.len() + self.image.new_tag.len() + self.image.digest.len())?;
        self.specs
            .iter()
            .try_for_each(|spec| visit(resource, spec, Make::Nothing, &mut |node| self.update(node)))
    }
}

/// Name, tag and digest of an image; a port of the registry is part of the name.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let find = |c: char| image[start..].find(c).map(|at| at + start);
    match (find(':'), find('@')) {
        (None, None) => (image, "", ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_split_at_tag_and_digest() {
        let check = |image: &str, expected: (&str, &str, &str)| assert_eq!(split(image), expected, "{image}");
        check("nginx", ("nginx", "", ""));
        check("nginx:1", ("nginx", "1", ""));
        check("host:5000/nginx", ("host:5000/nginx", "", ""));
        check("host:5000/nginx:1@sha256:ab", ("host:5000/nginx", "1", "sha256:ab"));
        check("nginx@sha256:ab", ("nginx", "", "sha256:ab"));
    }

    #[test]
    fn what_is_set_replaces_tag_and_digest_together() {
        let check = |image: Image, before: &str, after: &str| {
            let mut node = Node::text(before);
            ImageTag::new(Image { name: "n.*x".into(), ..image }, Vec::new()).update(&mut node).unwrap();
            assert_eq!(node.raw_text(), after);
        };
        check(Image { new_tag: "2".into(), ..Image::default() }, "nginx:1@sha256:ab", "nginx:2");
        check(Image { digest: "sha256:cd".into(), ..Image::default() }, "nginx:1", "nginx@sha256:cd");
        check(Image { tag_suffix: "-x".into(), ..Image::default() }, "nginx:1", "nginx:1-x");
        check(Image { new_name: "other".into(), ..Image::default() }, "nginx:1", "other:1");
        check(Image { new_tag: "2".into(), ..Image::default() }, "redis:1", "redis:1");
    }
}
