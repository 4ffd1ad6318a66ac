#!/usr/bin/env bash
# What an engineer without a console does: the AWS CLI, one command after the other, for the same
# facts `qd topology` shows of two regions. Usage: aws_cli.sh ENDPOINT REGION…
set -euo pipefail
endpoint=$1; shift
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_PAGER="" AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=2
q() { aws --endpoint-url "$endpoint" "$@" --output text; }
q sts get-caller-identity >/dev/null
for zone in $(q route53 list-hosted-zones --query 'HostedZones[].Id'); do q route53 list-resource-record-sets --hosted-zone-id "$zone" >/dev/null; done
q route53 list-health-checks >/dev/null
q cloudfront list-distributions >/dev/null
for region in "$@"; do
  export AWS_DEFAULT_REGION=$region
  for lb in $(q elbv2 describe-load-balancers --query 'LoadBalancers[].LoadBalancerArn'); do
    for listener in $(q elbv2 describe-listeners --load-balancer-arn "$lb" --query 'Listeners[].ListenerArn'); do q elbv2 describe-rules --listener-arn "$listener" >/dev/null; done
  done
  for group in $(q elbv2 describe-target-groups --query 'TargetGroups[].TargetGroupArn'); do q elbv2 describe-target-health --target-group-arn "$group" >/dev/null; done
  for cluster in $(q eks list-clusters --query 'clusters[]'); do
    q eks describe-cluster --name "$cluster" >/dev/null
    for group in $(q eks list-nodegroups --cluster-name "$cluster" --query 'nodegroups[]'); do q eks describe-nodegroup --cluster-name "$cluster" --nodegroup-name "$group" >/dev/null; done
  done
  q rds describe-db-clusters >/dev/null; q rds describe-db-instances >/dev/null; q rds describe-events --duration 60 >/dev/null
  for queue in $(q sqs list-queues --query 'QueueUrls[]'); do
    q sqs get-queue-attributes --queue-url "$queue" --attribute-names All >/dev/null
    q sqs list-dead-letter-source-queues --queue-url "$queue" >/dev/null
  done
  q lambda list-event-source-mappings >/dev/null
  for name in $(q lambda list-functions --query 'Functions[].FunctionName'); do q lambda get-function-concurrency --function-name "$name" >/dev/null; done
  q cloudwatch describe-alarms >/dev/null
done
