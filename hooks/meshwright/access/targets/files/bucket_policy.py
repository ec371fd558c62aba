"""The bucket policy of a port on S3: who may read which role's prefix, and that nobody else may.

A bucket has one policy. Ours are the statements whose Sid begins with our tag; all others stay as they are.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshwright.access.grants import ManualAction, Refused
from meshwright.access.targets.files.storage import Bucket

LIMIT = 20 * 1024
"""Bytes that a bucket policy may have."""

ARN = re.compile(r"arn:(aws[a-z-]*):iam::[0-9]{12}:(?:role|user)/[A-Za-z0-9_+=,.@/-]+")
"""A role or a user; never a whole account, and nothing that is read as a pattern or a variable."""
ASSUMED = re.compile(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([A-Za-z0-9_+=,.@-]+)/.+")
CALLER = re.compile(
    r"arn:(aws[a-z-]*):(?:iam|sts)::[0-9]{12}:(?:root|(?:user|federated-user)/[A-Za-z0-9_+=,.@/-]+)"
)

READS = ("s3:getobject", "s3:getobjectversion")

Statement = dict[str, Any]


def tag(bucket: Bucket) -> str:
    """Return the start of the Sid of our statements on this port; other ports of the bucket have another."""
    return "Meshwright" + hashlib.sha256(bucket.prefix.encode()).hexdigest()[:12]


def applier(bucket: Bucket) -> list[str]:
    """Return patterns of `aws:PrincipalArn` that fit whoever runs this, and nobody else. Raises Refused."""
    import boto3

    arn = boto3.client("sts").get_caller_identity()["Arn"]
    if assumed := ASSUMED.fullmatch(arn):
        # The ARN leaves out the role's path; its name is unique in the account, whatever its path.
        role = f"arn:{assumed[1]}:iam::{assumed[2]}:role/"
        return [role + assumed[3], f"{role}*/{assumed[3]}"]
    if CALLER.fullmatch(arn):
        return [arn]
    raise Refused(
        "No bucket policy can name the AWS identity that runs this.", "Run it as a role or a user of IAM."
    )


def statements(
    bucket: Bucket, roles: Sequence[str], members: Mapping[str, Sequence[str]], ours: Sequence[str]
) -> list[Statement]:
    """Return our part of the policy. `members`: role -> ARNs; `ours`: see `applier`."""
    start = tag(bucket)
    base = f"arn:{ours[0].split(':')[1]}:s3:::{bucket.bucket}"
    below = f"{base}/{bucket.prefix}"
    policy: list[Statement] = [
        {
            "Sid": f"{start}Tls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": f"{below}*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        # Who was let in by which agreement is for us alone; so is what a variant was before.
        _only(
            f"{start}Records",
            "s3:GetObject*",
            [f"{below}roles/{name}" for name in ("access.json", "audit.jsonl", "bucket-policy.json")],
            ours,
        ),
        _only(f"{start}Versions", "s3:GetObjectVersion*", f"{below}roles/*", ours),
    ]
    for role in roles:
        sid = start + hashlib.sha256(role.encode()).hexdigest()[:12]
        prefix = f"{bucket.prefix}roles/{role}/*"
        readers = sorted(set(members.get(role, ())))
        # Allowing is not enough: another policy of the same account may allow more. A Deny is final.
        policy.append(_only(f"{sid}Only", "s3:GetObject*", f"{base}/{prefix}", [*readers, *ours]))
        if readers:
            allow = {"Effect": "Allow", "Principal": {"AWS": readers}}
            policy += [
                {"Sid": f"{sid}Get", **allow, "Action": "s3:GetObject", "Resource": f"{base}/{prefix}"},
                {
                    "Sid": f"{sid}List",
                    **allow,
                    "Action": "s3:ListBucket",
                    "Resource": base,
                    "Condition": {"StringLike": {"s3:prefix": prefix}},
                },
            ]
    return policy


def _only(sid: str, action: str, resource: str | list[str], who: Sequence[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"StringNotLike": {"aws:PrincipalArn": list(who)}},
    }


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def live(bucket: Bucket) -> dict[str, Any]:
    """Return the bucket's actual policy."""
    try:
        text = bucket.client.get_bucket_policy(Bucket=bucket.bucket)["Policy"]
    except bucket.client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
            return {}
        raise
    return dict(json.loads(text))


def put_bucket_policy(bucket: Bucket, ours: Sequence[Statement]) -> None:
    """Replace our statements in the bucket's policy, and nothing else. Raises Refused."""
    policy = live(bucket)
    bucket.client.put_bucket_policy(Bucket=bucket.bucket, Policy=merged(bucket, policy, ours))


def merged(bucket: Bucket, policy: Mapping[str, Any], ours: Sequence[Statement]) -> str:
    """Return a policy with our statements in it. Raises Refused if it is more than a bucket takes."""
    foreign = [statement for statement in _listed(policy) if not _is_ours(bucket, statement)]
    # The date decides how the text is read: ours has no variables, so that any will do.
    text = json.dumps({**document([]), **policy, "Statement": [*foreign, *ours]}, separators=(",", ":"))
    if len(text.encode()) > LIMIT:
        raise Refused(
            f"The policy of the bucket {bucket.bucket} would have {len(text.encode())} bytes; AWS takes {LIMIT}.",
            "Let principals share a role of IAM (their `aws` login in the directory), or give the port a bucket of its own.",
        )
    return text


def same(bucket: Bucket, policy: Mapping[str, Any], ours: Sequence[Statement]) -> bool:
    """Return True if a policy has exactly our statements among those of others."""
    actual = [_normal(statement) for statement in _listed(policy) if _is_ours(bucket, statement)]
    return sorted(actual) == sorted(map(_normal, ours))


def let_in(bucket: Bucket, policy: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return role and ARN of everybody whom our statements in a policy let read."""
    let_in = set()
    for statement in _listed(policy):
        if not _is_ours(bucket, statement) or statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        arns = _texts(principal.get("AWS") if isinstance(principal, dict) else principal)
        for resource in _texts(statement.get("Resource")):
            _, _, role = resource.partition(f"/{bucket.prefix}roles/")
            let_in |= {(role.partition("/")[0], arn) for arn in arns if role}
    return let_in


def manual_actions(bucket: Bucket, policy: Mapping[str, Any], ours: Sequence[str]) -> Iterator[ManualAction]:
    """Yield the statements of others that let somebody read below the port's path: ours to report, not to change."""
    for number, statement in enumerate(_listed(policy), 1):
        if _is_ours(bucket, statement) or statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal", "*")
        who = sorted(_texts(list(principal.values()) if isinstance(principal, dict) else principal))
        if who and set(who) <= set(ours):
            continue
        if not _reads(statement) or not _touches(bucket, statement):
            continue
        sid = statement.get("Sid") or f"number {number}"
        whom = "everybody" if not who or "*" in who else ", ".join(who)
        yield ManualAction(
            f"The statement {sid} of the policy of the bucket {bucket.bucket} lets {whom} read below {bucket.address('')}.",
            f"Remove it, or narrow its Resource: {json.dumps(statement, sort_keys=True)}",
        )


def _reads(statement: Statement) -> bool:
    if "NotAction" in statement:
        return True
    actions = [action.lower() for action in _texts(statement.get("Action"))]
    return any(fnmatch.fnmatchcase(read, action.replace("[", "[[]")) for action in actions for read in READS)


def _touches(bucket: Bucket, statement: Statement) -> bool:
    """Return True if a statement can be about something below the port's path, or if that is unclear."""
    if "NotResource" in statement:
        return True
    below = f"{bucket.bucket}/{bucket.prefix}"
    for resource in _texts(statement.get("Resource")):
        name = resource if resource == "*" else resource.split(":", 5)[-1]
        head = re.split(r"[*?$]", name, maxsplit=1)[0]
        if name.startswith(below) or (head != name and (below.startswith(head) or head.startswith(below))):
            return True
    return False


def _is_ours(bucket: Bucket, statement: Statement) -> bool:
    return str(statement.get("Sid", "")).startswith(tag(bucket))


def _listed(policy: Mapping[str, Any]) -> list[Statement]:
    statements = policy.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _normal(value: Any) -> str:
    """Return a value for comparing: AWS writes one text for a list of one, and lists in an order of its own."""
    if isinstance(value, dict):
        return json.dumps({key: _normal(each) for key, each in sorted(value.items())})
    if isinstance(value, list) and len(value) != 1:
        return json.dumps(sorted(map(_normal, value)))
    return _normal(value[0]) if isinstance(value, list) else json.dumps(value)
