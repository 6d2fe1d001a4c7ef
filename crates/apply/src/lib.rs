//! Carries out the operations of a step against a cluster.
