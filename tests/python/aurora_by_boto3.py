"""An Aurora cluster created through boto3 with a writer and two readers, and its CloudWatch figures."""

import datetime

from platform_by_boto3 import REGION, client

# By member: zone, class, promotion tier.
MEMBERS = {
    "a": ("a", "db.r6g.xlarge", 0),
    "b": ("b", "db.r6g.xlarge", 1),
    "c": ("c", "db.r6g.large", 2),
}
# What AWS/RDS tells of an instance: Aurora User Guide, "Amazon CloudWatch metrics for Amazon Aurora".
CALM = {"AuroraReplicaLag": 14.0, "CPUUtilization": 20.0, "DatabaseConnections": 30.0}
# The same metrics of the whole cluster and of a role are told too: whoever reads those has read the wrong ones.
WRONG = {"AuroraReplicaLag": 77_000.0, "CPUUtilization": 99.0, "DatabaseConnections": 7_777.0}
# Minutes of which there is a point: the console takes one for the present that is no older than six.
MINUTES = range(-8, 61, 4)


class Aurora:
    def __init__(self, endpoint: str, name: str):
        self.endpoint, self.name = endpoint, name
        self.rds = client("rds", endpoint)
        self.a, self.b, self.c = (f"{name}-{letter}" for letter in MEMBERS)
        self.rds.create_db_cluster(
            DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="admin1", MasterUserPassword="not-a-secret-1"
        )
        for letter, (zone, size, tier) in MEMBERS.items():
            self.rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{letter}", DBClusterIdentifier=name, DBInstanceClass=size,
                Engine="aurora-postgresql", AvailabilityZone=f"{REGION}{zone}", PromotionTier=tier,
            )

    def described(self) -> dict:
        return self.rds.describe_db_clusters(DBClusterIdentifier=self.name)["DBClusters"][0]

    def writers(self) -> list[str]:
        return [m["DBInstanceIdentifier"] for m in self.described()["DBClusterMembers"] if m["IsClusterWriter"]]

    def instances(self) -> dict[str, dict]:
        of_it = [{"Name": "db-cluster-id", "Values": [self.name]}]
        found = self.rds.describe_db_instances(Filters=of_it)["DBInstances"]
        return {one["DBInstanceIdentifier"]: one for one in found}

    def delete(self) -> None:
        for name in self.instances():
            self.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        self.rds.delete_db_cluster(DBClusterIdentifier=self.name, SkipFinalSnapshot=True)

    def addresses(self) -> dict[str, str]:
        """Where each of its names leads: an instance's to itself, the cluster's to who writes."""
        hosts = {name: one["Endpoint"]["Address"] for name, one in self.instances().items()}
        own = {host: f"10.40.0.{10 + at}" for at, host in enumerate(hosts.values())}
        return {self.described()["Endpoint"]: own[hosts[self.writers()[0]]]} | own

    def put_figures(self, now: float, *more: str) -> None:
        """From some minutes ago until an hour from now, of its members and of those to be made."""
        start = datetime.datetime.fromtimestamp(now // 60 * 60, datetime.UTC)
        minutes = [start + datetime.timedelta(minutes=at) for at in MINUTES]
        whole = [{"Name": "DBClusterIdentifier", "Value": self.name}]
        rows = [(whole, WRONG), ([*whole, {"Name": "Role", "Value": "READER"}], WRONG)]
        rows += [([{"Name": "DBInstanceIdentifier", "Value": name}], CALM) for name in (self.a, self.b, self.c, *more)]
        data = [
            {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value}
            for dimensions, values in rows for metric, value in values.items() for at in minutes
        ]
        for at in range(0, len(data), 1000):
            client("cloudwatch", self.endpoint).put_metric_data(Namespace="AWS/RDS", MetricData=data[at : at + 1000])
