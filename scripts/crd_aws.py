"""What AWSGatewayClassParameters and AWSGatewayParameters say. `scripts.crds` calls it.

Sources: docs.aws.amazon.com/elasticloadbalancing/latest/application (describe-ssl-policies,
application-load-balancers#subnets), API_Tag.html.
"""

from __future__ import annotations

from scripts import crd_parameters
from scripts.crd_words import items, record, text

_LETTERS = r"[\\p{L}\\p{N}_ .:/=+\\-@]"


def cloud() -> crd_parameters.Cloud:
    subnets = record(
        "Where the load balancer stands. Left out: the subnets of vpcId that have the role tag.",
        {
            "ids": items(
                "At least two, in two Availability Zones.",
                text("Id of a subnet.", r"subnet-[0-9a-f]+"),
                64,
                low=2,
            ),
            "roleTag": text(
                "auto: the tag kubernetes.io/role/elb or kubernetes.io/role/internal-elb, by exposure.", enum=("auto",)
            ),
        },
        rules=(("!(has(self.ids) && has(self.roleTag))", "roleTag cannot be given together with ids: remove one"),),
    )
    allowed = items(
        "Ranges of addresses that may reach the load balancer. Needed with exposure Public; left out with Internal: "
        "the VPC's own ranges.",
        text(
            "A range, as CIDR in its shortest form.",
            r"[0-9a-f:.]+/[0-9]{1,3}",
            high=43,
            rules=(
                (
                    "isCIDR(self) && string(cidr(self).masked()) == self",
                    "must be a range in its shortest form with no bits beside the mask: write 10.0.0.0/8 for "
                    "10.1.2.3/8 and 10.1.2.3/32 for 10.1.2.3",
                ),
            ),
        ),
        64,
    )
    tags = crd_parameters.tags(
        "Tags on everything that is made. Of 20 tags the keys are together at most 256 characters.",
        text("Value of the tag.", r"[\p{L}\p{N}_ .:/=+\-@]*", high=256),
        20,
        (
            (
                f"self.all(key, key.matches('^{_LETTERS}{{1,128}}$'))",
                "a key has 1 to 128 characters: letters, numbers, spaces and + - = . _ : / @",
            ),
            (
                "self.all(key, !key.lowerAscii().startsWith('aws:') && !key.lowerAscii().startsWith('cloudgw.dev/'))",
                "keys beginning with aws: and cloudgw.dev/ are reserved: choose another",
            ),
        ),
    )
    fields = {
        "region": text("AWS region in which to create.", r"[a-z]{2}(-[a-z]+)+-[0-9]+"),
        "accountId": text(
            "Account that the credentials must belong to, in quotes. Left out: whatever account they belong to.",
            r"[0-9]{12}",
        ),
        "vpcId": text("VPC of the pods. Left out: that of subnets.ids.", r"vpc-[0-9a-f]+"),
        "subnets": subnets,
        "exposure": crd_parameters.exposure(),
        "allowedSourceRanges": allowed,
        "tls": record(
            "How HTTPS listeners speak TLS.",
            {
                "policy": text(
                    "Name of a security policy of Elastic Load Balancing.",
                    r"ELBSecurityPolicy-[A-Za-z0-9-]+",
                    default="ELBSecurityPolicy-TLS13-1-2-2021-06",
                )
            },
        ),
        "backendSecurityGroups": items(
            "Security groups of the pods, which are opened to the load balancer. Left out: nothing is opened.",
            text("Id of a security group.", r"sg-[0-9a-f]+"),
            64,
        ),
        "tags": tags,
    }
    return crd_parameters.Cloud(
        prefix="AWS",
        name="AWS",
        short="aws",
        fields=fields,
        own=("exposure", "allowedSourceRanges", "subnets", "tls", "tags", "driftPolicy", "deletionPolicy"),
        required=("region",),
        rules=(
            (
                "has(self.vpcId) || (has(self.subnets) && has(self.subnets.ids))",
                "vpcId is required unless subnets.ids names subnets: write the VPC of the pods",
            ),
            (
                "self.exposure != 'Public' || (has(self.allowedSourceRanges) && size(self.allowedSourceRanges) > 0)",
                "exposure Public needs allowedSourceRanges: name the ranges that may reach the load balancer; nothing "
                'is opened to the world unless you say so: ["0.0.0.0/0"]',
            ),
        ),
        region="region",
        columns=(("Account", "string", ".spec.accountId", 1), ("VPC", "string", ".spec.vpcId", 1)),
    )
