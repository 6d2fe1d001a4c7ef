use super::request::Shape;
use crate::clock::Clock;
use crate::resource::Resource;
use crate::status::ApiError;
use crate::store::{Stored, write_json};
use crate::table;
use crate::verbs::{Page, Shown};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::sync::Arc;

/// What a table's rows carry of their objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

/// Writes objects of one resource in one shape.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) resource: Arc<Resource>,
    pub(crate) shape: Shape,
    pub(crate) include: Include,
    pub(crate) clock: Clock,
    api_version: String,
}

const META_VERSION: &str = "meta.k8s.io/v1";

impl Writer {
    pub(crate) fn new(resource: Arc<Resource>, shape: Shape, include: Include, clock: Clock) -> Self {
        let api_version = resource.api_version();
        Self { resource, shape, include, clock, api_version }
    }

    fn value(&self, stored: &Stored) -> Value {
        self.resource.show(stored)
    }

    /// An object's JSON; the stored text as it is where nothing has to be converted.
    fn write(&self, out: &mut Vec<u8>, stored: &Stored) {
        if self.resource.reshapes() {
            write_json(out, &self.value(stored));
        } else {
            stored.write(out, &self.api_version, &self.resource.kind);
        }
    }

    /// One object.
    pub(crate) fn one(&self, shown: &Shown) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        match (self.shape, shown) {
            (Shape::Plain, Shown::Stored(stored)) => self.write(&mut out, stored),
            (Shape::Plain, Shown::Dry(value)) => write_json(&mut out, value),
            (Shape::Metadata, shown) => {
                write_json(&mut out, &metadata_only(&shown.value(&self.resource), "PartialObjectMetadata"));
            }
            (Shape::Table, shown) => {
                let object = shown.value(&self.resource);
                let version = object["metadata"]["resourceVersion"].clone();
                write_json(&mut out, &self.table(&[object], json!({"resourceVersion": version}), true));
            }
        }
        out
    }

    /// A page of a list.
    pub(crate) fn list(&self, page: &Page) -> Vec<u8> {
        let mut meta = json!({"resourceVersion": page.revision.to_string()});
        if let Some(token) = &page.continue_token {
            meta["continue"] = token.as_str().into();
        } else if self.resource.custom.is_some() && self.shape == Shape::Plain {
            meta["continue"] = "".into();
        }
        if let Some(remaining) = page.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        let mut out = Vec::with_capacity(256 + page.objects.iter().map(|o| o.size() + 64).sum::<usize>());
        match self.shape {
            Shape::Plain => self.plain_list(&mut out, page, &meta),
            Shape::Metadata => {
                let items: Vec<Value> = page
                    .objects
                    .iter()
                    .map(|stored| metadata_only(&self.value(stored), "PartialObjectMetadata"))
                    .collect();
                // Go's list that nothing was added to is null.
                let items = if items.is_empty() { Value::Null } else { items.into() };
                let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": META_VERSION, "metadata": meta, "items": items});
                write_json(&mut out, &list);
            }
            Shape::Table => {
                let objects: Vec<Value> = page.objects.iter().map(|stored| self.value(stored)).collect();
                write_json(&mut out, &self.table(&objects, meta, true));
            }
        }
        out
    }

    fn plain_list(&self, out: &mut Vec<u8>, page: &Page, meta: &Value) {
        let _ = write!(
            out,
            "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{meta},\"items\":",
            Value::from(self.resource.list_kind()),
            Value::from(self.api_version.as_str())
        );
        out.push(b'[');
        for (index, stored) in page.objects.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            // The items of typed lists carry no version and kind; custom resources do.
            if self.resource.custom.is_some() {
                self.write(out, stored);
            } else if self.resource.conversion().is_some() {
                let mut item = self.value(stored);
                if let Some(map) = item.as_object_mut() {
                    map.retain(|key, _| key != "apiVersion" && key != "kind");
                }
                write_json(out, &item);
            } else {
                stored.write_item(out);
            }
        }
        out.extend_from_slice(b"]}\n");
    }

    fn table(&self, objects: &[Value], meta: Value, with_columns: bool) -> Value {
        let now = self.clock.now();
        let rows: Vec<Value> = objects
            .iter()
            .map(|object| {
                let mut row = json!({"cells": table::cells(&self.resource, object, now)});
                match self.include {
                    Include::Nothing => {}
                    Include::Metadata => row["object"] = metadata_only(object, "PartialObjectMetadata"),
                    Include::Object => row["object"] = object.clone(),
                }
                row
            })
            .collect();
        let columns = if with_columns { table::columns(&self.resource) } else { json!([]) };
        json!({"kind": "Table", "apiVersion": META_VERSION, "metadata": meta, "columnDefinitions": columns, "rows": rows})
    }

    /// A watch event.
    pub(crate) fn event(&self, kind: &str, stored: &Stored) -> Bytes {
        self.event_at(kind, stored, stored.revision())
    }

    /// A watch event of the write at `revision`, which the object shows even when it is older (an object that left
    /// the selection).
    pub(crate) fn event_at(&self, kind: &str, stored: &Stored, revision: u64) -> Bytes {
        debug_assert_eq!(stored.revision(), revision);
        let mut out = Vec::with_capacity(stored.size() + 128);
        let _ = write!(out, "{{\"type\":\"{kind}\",\"object\":");
        match self.shape {
            Shape::Plain => self.write(&mut out, stored),
            Shape::Metadata => {
                write_json(&mut out, &metadata_only(&self.value(stored), "PartialObjectMetadata"));
            }
            Shape::Table => {
                let meta = json!({"resourceVersion": revision.to_string()});
                write_json(&mut out, &self.table(&[self.value(stored)], meta, true));
            }
        }
        out.extend_from_slice(b"}\n");
        out.into()
    }

    /// An event that only says how far the watch has seen.
    pub(crate) fn bookmark(&self, revision: u64, initial_events_end: bool) -> Bytes {
        let mut meta = json!({"resourceVersion": revision.to_string()});
        if initial_events_end {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.shape {
            Shape::Plain => {
                json!({"kind": self.resource.kind, "apiVersion": self.api_version, "metadata": meta})
            }
            Shape::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": META_VERSION, "metadata": meta})
            }
            Shape::Table => {
                json!({"kind": "Table", "apiVersion": META_VERSION, "metadata": meta, "columnDefinitions": null, "rows": []})
            }
        };
        line(&json!({"type": "BOOKMARK", "object": object}))
    }

    /// The event that ends a watch with a failure.
    pub(crate) fn error(&self, error: &ApiError) -> Bytes {
        line(&json!({"type": "ERROR", "object": error.to_value()}))
    }
}

fn line(value: &Value) -> Bytes {
    let mut out = Vec::with_capacity(256);
    write_json(&mut out, value);
    out.push(b'\n');
    out.into()
}

fn metadata_only(object: &Value, kind: &str) -> Value {
    let mut out = Map::new();
    out.insert("kind".into(), kind.into());
    out.insert("apiVersion".into(), META_VERSION.into());
    out.insert("metadata".into(), object["metadata"].clone());
    Value::Object(out)
}
