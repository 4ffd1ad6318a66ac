// The glyphs in use, by what they mean here (lucide, ISC licence; no AWS artwork).
import {
  Activity, Archive, ArrowRight, Bell, Box, Boxes, Check, ChevronDown, ChevronRight, CircleSlash, Clock, Cloud, Copy, Database, Eye,
  Globe, HardDrive, Keyboard, Layers, ListChecks, Lock, LockOpen, Moon, Network, Radio, RefreshCw, Search, Shield, Signpost, Split,
  SquareFunction, Sun, TriangleAlert, Unplug, User, Workflow, X, type IconNode,
} from "lucide";
import type { Kind } from "../ipc/gen/Kind";

export const ICONS = {
  activity: Activity, archive: Archive, arrow: ArrowRight, bell: Bell, box: Box, boxes: Boxes, check: Check, down: ChevronDown,
  chevron: ChevronRight, blocked: CircleSlash, clock: Clock, cloud: Cloud, copy: Copy, database: Database, globe: Globe, disk: HardDrive,
  keyboard: Keyboard, layers: Layers, checks: ListChecks, lock: Lock, unlock: LockOpen, moon: Moon, network: Network, live: Radio,
  refresh: RefreshCw, search: Search, shield: Shield, signpost: Signpost, split: Split, fn: SquareFunction, sun: Sun, alert: TriangleAlert,
  eye: Eye, unplug: Unplug, user: User, flow: Workflow, close: X,
} satisfies Record<string, IconNode>;

export type IconName = keyof typeof ICONS;

/** One glyph per kind of node. */
export const KIND_ICON: Record<Kind, IconName> = {
  zone: "globe", record: "signpost", healthcheck: "activity", distribution: "cloud", webacl: "shield", bucket: "archive",
  loadbalancer: "split", targetgroup: "network", cluster: "boxes", nodegroup: "layers", nodepool: "layers", node: "disk", namespace: "box",
  deployment: "boxes", replicaset: "layers", statefulset: "database", pod: "box", hpa: "activity", scaledobject: "activity", application: "flow", kustomization: "flow", helmrelease: "flow",
  service: "network", ingress: "signpost", dbglobal: "globe", dbcluster: "database", dbinstance: "database", cachegroup: "database",
  cachenode: "database", queue: "layers", function: "fn", mapping: "flow", alarm: "bell",
};

/** The kind in AWS's and Kubernetes' words. */
export const KIND_NAME: Record<Kind, string> = {
  zone: "Hosted zone", record: "DNS record", healthcheck: "Health check", distribution: "CloudFront distribution", webacl: "Web ACL",
  bucket: "S3 bucket", loadbalancer: "Load balancer", targetgroup: "Target group", cluster: "EKS cluster", nodegroup: "Nodegroup",
  nodepool: "Karpenter NodePool",
  node: "Kubernetes node", namespace: "Namespace", deployment: "Deployment", replicaset: "ReplicaSet", statefulset: "StatefulSet",
  pod: "Pod", hpa: "Autoscaler", scaledobject: "ScaledObject", application: "Argo CD Application", kustomization: "Flux Kustomization", helmrelease: "Flux HelmRelease", service: "Service", ingress: "Ingress", dbglobal: "Aurora global database",
  dbcluster: "Aurora cluster", dbinstance: "Aurora instance", cachegroup: "ElastiCache group", cachenode: "ElastiCache node",
  queue: "SQS queue", function: "Lambda function", mapping: "Event source mapping", alarm: "CloudWatch alarm",
};
