use crate::error::Result;
use crate::kustomization::Kustomization;

/// What Flux or Argo CD lays on top of a kustomization.
#[derive(Debug, Clone, Default)]
pub struct Injection {}

impl Injection {
    pub(crate) fn apply(&self, _: &mut Kustomization) -> Result<()> {
        Ok(())
    }
}
