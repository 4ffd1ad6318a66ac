//! A cluster reached by its EKS name: EKS says where its API server is and what it is known by.

use super::kubeconfig::{ClusterPlace, Resolved, SignsIn, Stamp, resolve, through};
use super::refused::{may_be_told, refused};
use super::sign::Signer;
use crate::failure;
use kube::config::{Cluster, Context, Kubeconfig, NamedCluster, NamedContext};
use model::{FailureClass, Service, SourceFailure};

/// Asks EKS for the cluster
/// (<https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>): `endpoint` and
/// `certificateAuthority` are what `aws eks update-kubeconfig` would write down.
pub(super) async fn read(place: &ClusterPlace, name: &str) -> Result<Resolved, SourceFailure> {
    let Some(session) = &place.session else {
        return Err(no_session(name));
    };
    let call = session.eks().describe_cluster().name(name).send();
    let answer = session.ask(Service::Eks, "DescribeCluster", name, call);
    let asked = session.asked(Service::Eks, "DescribeCluster", name);
    let lacks = |what| failure::incomplete(&asked, what);
    let cluster = answer.await?.cluster.ok_or_else(|| lacks("a cluster"))?;
    // Of a cluster that is being made there is none yet.
    let endpoint = cluster.endpoint.ok_or_else(|| lacks("an endpoint"))?;
    let authority = cluster.certificate_authority.and_then(|ca| ca.data);
    let config = resolve(written(name, endpoint, authority), name).await;
    let mut config = config.map_err(|error| refused(place, &error))?;
    through(&mut config, None).map_err(|error| refused(place, &error))?;
    let signer = Signer::new(session, &session.region, name);
    may_be_told(place, &config, &signer)?;
    Ok(Resolved {
        config,
        signs_in: SignsIn::Signer(Box::new(signer)),
        stamp: Stamp::default(),
        nobody: false,
        until: None,
        name: name.into(),
        account: Some(session.account.clone()),
        region: Some(session.region.clone()),
        act_user: place.act_user.clone(),
    })
}

/// As a kubeconfig, so that its address and certificates are read as those of any other cluster.
fn written(name: &str, server: String, authority: Option<String>) -> Kubeconfig {
    let cluster = Cluster {
        server: Some(server),
        certificate_authority_data: authority,
        ..Cluster::default()
    };
    let context = Context {
        cluster: name.to_owned(),
        ..Context::default()
    };
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: name.to_owned(),
            cluster: Some(cluster),
            other: Default::default(),
        }],
        contexts: vec![NamedContext {
            name: name.to_owned(),
            context: Some(context),
            other: Default::default(),
        }],
        ..Kubeconfig::default()
    }
}

fn no_session(name: &str) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!("Nobody can ask EKS for the cluster {name}: its account is not open."),
        next_step: "Give the [[cluster]] the profile of an [[account]] with its region.".to_owned(),
        code: None,
        request_id: None,
    }
}
