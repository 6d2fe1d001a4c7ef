//! Decryption of what a Kustomization's source keeps encrypted with SOPS.
//!
//! As Flux does it, twice: before the build the files that generators and patches read, after it every object that
//! carries SOPS' metadata and every value of a Secret that is an encrypted file of its own. Other than Flux, MACs are
//! verified. A build adds labels and a namespace to an encrypted object, so that its MAC no longer fits; the file it
//! came from is verified in its stead.

use crate::FluxOptions;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use holdfast_object::{Object, ObjectSet, Origin, Value};
use holdfast_secrets::sops::{Format, LARGEST_FILE, Mac, Sealed, SopsError};
use holdfast_secrets::{DataKey, KeyRing, KeyService, WrappedKey};
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, OverlayTree, TreeError, join, resolve};
use holdfast_types::flux::KUSTOMIZE_GROUP;
use std::collections::HashSet;
use std::sync::Arc;

/// How deep folders of kustomizations are followed.
const DEEPEST: usize = 64;
/// The file names of a kustomization.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// More keys than this are not asked for in one build.
const MOST_UNWRAPS: usize = 256;

/// With what a Kustomization's source is decrypted.
pub(super) struct Decryption {
    ring: KeyRing,
    service: Box<dyn KeyService>,
    mac: Mac,
}

/// Why something was not decrypted.
enum Trouble {
    /// A remote service has to unwrap these keys first.
    Needs(Vec<WrappedKey>),
    /// For good.
    Failed(String),
}

impl Trouble {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Decryption {
    /// Decryption with the keys of a Secret's data: `*.asc` OpenPGP keys, `*.agekey` age identities.
    pub(super) fn new(
        data: &[(&str, &[u8])],
        secret: &str,
        service: Box<dyn KeyService>,
        options: &FluxOptions,
    ) -> Result<Self, String> {
        let mut ring = KeyRing::new();
        for (name, value) in data {
            let added = if name.ends_with(".asc") {
                ring.add_pgp(value)
            } else if name.ends_with(".agekey") {
                ring.add_age(&String::from_utf8_lossy(value))
            } else {
                Ok(())
            };
            added.map_err(|error| {
                format!("failed to import '{name}' data from sops decryption Secret '{secret}': {error}")
            })?;
        }
        let mac = if options.ignore_sops_mac { Mac::Ignore } else { Mac::Verify };
        Ok(Self { ring, service, mac })
    }

    /// Names the keys, so that a render is remembered for them alone.
    pub(super) fn fingerprint(&self) -> String {
        self.ring.fingerprint()
    }

    /// The tree with what generators and patches read in clear.
    pub(super) async fn sources(
        &mut self,
        tree: Arc<dyn FileTree>,
        path: &str,
        components: &[String],
    ) -> Result<Arc<dyn FileTree>, String> {
        let upper = self
            .with_keys(|ring, mac| Files::new(ring, mac, &*tree).overlay(path, components))
            .await
            .map_err(|why| format!("error decrypting sources: {why}"))?;
        if upper.paths().next().is_none() {
            return Ok(tree);
        }
        Ok(Arc::new(Decrypted { overlay: OverlayTree::new(tree.clone(), upper), base: tree }))
    }

    /// Decrypts the objects of a build. `tree` holds the files as they are in the source.
    pub(super) async fn objects(
        &mut self,
        objects: &mut ObjectSet,
        tree: &Arc<dyn FileTree>,
    ) -> Result<(), String> {
        let opened = self
            .with_keys(|ring, mac| {
                let mut opened = Objects { ring, mac, tree: &**tree, verified: HashSet::new() };
                objects
                    .iter()
                    .map(|entry| opened.open(&entry.object, entry.origin.as_ref()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        for (entry, opened) in objects.iter_mut().zip(opened) {
            if let Some(object) = opened {
                entry.object = object;
            }
        }
        Ok(())
    }

    /// Does something again and again until no key is missing for it.
    async fn with_keys<T>(
        &mut self,
        attempt: impl Fn(&KeyRing, Mac) -> Result<T, Trouble>,
    ) -> Result<T, String> {
        let mut asked = 0;
        loop {
            let needs = match attempt(&self.ring, self.mac) {
                Ok(done) => return Ok(done),
                Err(Trouble::Failed(why)) => return Err(why),
                Err(Trouble::Needs(needs)) => needs,
            };
            for key in needs {
                asked += 1;
                if asked > MOST_UNWRAPS {
                    return Err(format!("more than {MOST_UNWRAPS} keys to unwrap (keys of a source)"));
                }
                let answer = self.service.unwrap(&key).await.map_err(|error| error.to_string());
                self.ring.add_unwrapped(key, answer);
            }
        }
    }
}

fn data_key(ring: &KeyRing, sealed: &Sealed) -> Result<DataKey, Trouble> {
    ring.data_key(sealed.metadata()).map_err(|error| {
        if error.needs.is_empty() { Trouble::failed(error) } else { Trouble::Needs(error.needs) }
    })
}

/// Files in clear over a tree. Its hashes are those of the tree below: what is decrypted follows from the files
/// there and from the keys, which whoever remembers a result by these hashes has to name besides.
struct Decrypted {
    overlay: OverlayTree<Arc<dyn FileTree>>,
    base: Arc<dyn FileTree>,
}

impl FileTree for Decrypted {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.overlay.entry(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.overlay.read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        self.overlay.list(path)
    }
    fn subtree_hash(&self, path: &str) -> Option<String> {
        self.base.subtree_hash(path)
    }
}

/// Decrypts the files that kustomizations name.
struct Files<'a> {
    ring: &'a KeyRing,
    mac: Mac,
    tree: &'a dyn FileTree,
    upper: MemoryTree,
    seen: HashSet<String>,
}

impl<'a> Files<'a> {
    fn new(ring: &'a KeyRing, mac: Mac, tree: &'a dyn FileTree) -> Self {
        Self { ring, mac, tree, upper: MemoryTree::new(), seen: HashSet::new() }
    }

    fn overlay(mut self, path: &str, components: &[String]) -> Result<MemoryTree, Trouble> {
        self.folder(path, components, 0)?;
        Ok(self.upper)
    }

    /// A folder's kustomization and those it refers to; without one, as for Flux, those of the folders below.
    fn folder(&mut self, path: &str, components: &[String], depth: usize) -> Result<(), Trouble> {
        // What is not there, or is not in the tree, is for the build to report.
        let Ok(found) = resolve(self.tree, path) else { return Ok(()) };
        let is_new = self.seen.insert(found.path.clone());
        if found.entry != Entry::Folder || !is_new || depth > DEEPEST {
            return Ok(());
        }
        let folder = found.path;
        for component in components {
            self.refer(&folder, component, depth)?;
        }
        let file = NAMES.iter().filter_map(|name| join(&folder, name)).find(|path| self.is_file(path));
        match file {
            Some(file) => self.kustomization(&folder, &file, depth),
            None => {
                let children = self.tree.list(&folder).unwrap_or_default();
                let folders = children.into_iter().filter(|child| child.entry == Entry::Folder);
                for child in folders {
                    self.refer(&folder, &child.name, depth)?;
                }
                Ok(())
            }
        }
    }

    fn is_file(&self, path: &str) -> bool {
        matches!(self.tree.entry(path), Ok(Some(Entry::File { .. })))
    }

    fn refer(&mut self, folder: &str, path: &str, depth: usize) -> Result<(), Trouble> {
        match join(folder, path) {
            Some(path) => self.folder(&path, &[], depth + 1),
            None => Ok(()),
        }
    }

    fn kustomization(&mut self, folder: &str, file: &str, depth: usize) -> Result<(), Trouble> {
        let text = self.tree.read(file).map_err(Trouble::failed)?;
        // A kustomization that cannot be read is for the build to report.
        let Ok(value) = holdfast_yaml::parse(&text, &holdfast_yaml::Options::v3()) else { return Ok(()) };
        let list = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let texts = |values: Vec<Value>| values.into_iter().filter_map(|v| v.as_str().map(str::to_owned));
        for generator in list(&value, "secretGenerator") {
            for source in texts(list(&generator, "files")) {
                let (key, path) = source.split_once('=').unwrap_or((&source, &source));
                self.file(folder, path, Format::of_path(key))?;
            }
            for path in texts(list(&generator, "envs")) {
                let format = match Format::of_path(&path) {
                    Format::Binary => Format::Dotenv,
                    format => format,
                };
                self.file(folder, &path, format)?;
            }
        }
        for patch in list(&value, "patches") {
            if let Some(path) = patch.get("path").and_then(Value::as_str).filter(|path| !path.contains("://"))
            {
                self.file(folder, path, Format::of_path(path))?;
            }
        }
        for name in ["resources", "components"] {
            for path in texts(list(&value, name)) {
                self.refer(folder, &path, depth)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &str, path: &str, format: Format) -> Result<(), Trouble> {
        let Some(found) = join(folder, path).and_then(|path| resolve(self.tree, &path).ok()) else {
            return Ok(());
        };
        let Entry::File { size, .. } = found.entry else { return Ok(()) };
        if !self.seen.insert(found.path.clone()) {
            return Ok(());
        }
        let fail = |error: SopsError| Trouble::Failed(format!("{}: {error}", found.path));
        let data = self.tree.read(&found.path).map_err(Trouble::failed)?;
        if !format.is_sealed(&data) {
            return Ok(());
        }
        if size > LARGEST_FILE as u64 {
            return Err(Trouble::Failed(format!(
                "cannot decrypt file with size ({size} bytes) exceeding limit ({LARGEST_FILE})"
            )));
        }
        let sealed = Sealed::parse(&data, format).map_err(fail)?;
        let key = data_key(self.ring, &sealed)?;
        let clear = sealed.open(&key, self.mac, format).map_err(fail)?;
        self.upper.insert(&found.path, clear);
        Ok(())
    }
}

/// Decrypts objects.
struct Objects<'a> {
    ring: &'a KeyRing,
    mac: Mac,
    tree: &'a dyn FileTree,
    /// Files whose MAC was found right.
    verified: HashSet<Arc<str>>,
}

impl Objects<'_> {
    /// The object in clear, or `None` when there is nothing to do.
    fn open(&mut self, object: &Object, origin: Option<&Origin>) -> Result<Option<Object>, Trouble> {
        if is_disabled(object) {
            return Ok(None);
        }
        let opened = self.open_whole(object, origin).and_then(|opened| match opened {
            None if object.gvk().kind == "Secret" => self.open_values(object),
            opened => Ok(opened),
        });
        opened.map_err(|trouble| match trouble {
            Trouble::Failed(why) => {
                Trouble::Failed(format!("decryption failed for '{}/{}': {why}", object.gvk(), object.name()))
            }
            needs @ Trouble::Needs(_) => needs,
        })
    }

    fn open_whole(&mut self, object: &Object, origin: Option<&Origin>) -> Result<Option<Object>, Trouble> {
        let Some(sealed) = Sealed::of_object(&object.to_value()).map_err(Trouble::failed)? else {
            return Ok(None);
        };
        let key = data_key(self.ring, &sealed)?;
        let value = sealed.open_object(&key, Mac::Ignore).map_err(Trouble::failed)?;
        if self.mac == Mac::Verify {
            self.verify(origin)?;
        }
        Object::new(value).map(Some).map_err(Trouble::failed)
    }

    /// Verifies the file that an object came from.
    fn verify(&mut self, origin: Option<&Origin>) -> Result<(), Trouble> {
        let unknown = || {
            Trouble::Failed(
                "its MAC cannot be verified: it does not come from a file of the source (--ignore-sops-mac accepts it)"
                    .into(),
            )
        };
        let file = &origin.ok_or_else(unknown)?.file;
        if self.verified.contains(file) {
            return Ok(());
        }
        let data = self.tree.read(file).map_err(|_| unknown())?;
        let format = match Format::of_path(file) {
            Format::Json => Format::Json,
            _ => Format::Yaml,
        };
        let fail = |error: SopsError| Trouble::Failed(format!("{file}: {error}"));
        let sealed = Sealed::parse(&data, format).map_err(fail)?;
        let key = data_key(self.ring, &sealed)?;
        sealed.open(&key, Mac::Verify, format).map_err(fail)?;
        self.verified.insert(file.clone());
        Ok(())
    }

    /// A Secret's values that are encrypted files, in the formats that their keys tell.
    fn open_values(&mut self, object: &Object) -> Result<Option<Object>, Trouble> {
        let data = object.get(&["data"]).and_then(Value::as_object);
        let mut changed = Vec::new();
        for (name, value) in data.into_iter().flatten() {
            // What is no base64 is for the server to refuse.
            let Some(bytes) = value.as_str().and_then(|text| STANDARD.decode(text).ok()) else { continue };
            let Some(format) = Format::detect(&bytes) else { continue };
            let fail = |error: SopsError| {
                let (namespace, secret) = (object.namespace(), object.name());
                Trouble::Failed(format!(
                    "failed to decrypt and format '{namespace}/{secret}' Secret field '{name}': {error}"
                ))
            };
            let sealed = Sealed::parse(&bytes, format).map_err(fail)?;
            let key = data_key(self.ring, &sealed)?;
            let clear = sealed.open(&key, self.mac, Format::of_path(name)).map_err(fail)?;
            changed.push((name.clone(), STANDARD.encode(clear)));
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let mut object = object.clone();
        if let Some(data) = object.as_map_mut().get_mut("data").and_then(Value::as_object_mut) {
            data.extend(changed.into_iter().map(|(name, value)| (name, Value::String(value))));
        }
        Ok(Some(object))
    }
}

fn is_disabled(object: &Object) -> bool {
    let key = format!("{KUSTOMIZE_GROUP}/decrypt");
    object.annotation(&key).is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
}

/// Secrets that are still encrypted: they must not reach the cluster, where nothing could read them.
pub(super) fn still_sealed(objects: &ObjectSet) -> Option<String> {
    let is_sealed = |object: &&Object| {
        object.gvk().kind == "Secret" && object.as_map().contains_key("sops") && !is_disabled(object)
    };
    let found = objects.iter().map(|entry| &entry.object).find(is_sealed)?;
    Some(format!(
        "{} is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
        found.key()
    ))
}
