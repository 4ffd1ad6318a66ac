//! The Kubernetes API of each cluster over loopback.
