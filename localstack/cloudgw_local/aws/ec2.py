"""The rest of the EC2 subset: VPCs, subnets, zones, route tables, network interfaces, tags. Called by `server`.

Facts: AWSEC2/latest/APIReference. VPCs and route tables are the start world's; subnets and interfaces can be made so
that a test can add a zone, or an address with its own security groups. It must never invent a default VPC.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from cloudgw_local.aws import call, ec2_filters, errors, world


def describe_vpcs(this: call.Call) -> dict[str, Any]:
    ids = ec2_filters.chosen(this, "VpcIds", this.world.vpcs, "InvalidVpcID.NotFound")

    def values(vpc_id: str) -> ec2_filters.Values:
        vpc = this.world.vpcs[vpc_id]
        return {"vpc-id": [vpc.id], "cidr": [vpc.cidr], "is-default": ["false"], "state": ["available"]}

    known = ("vpc-id", "cidr", "is-default", "isDefault", "state")
    found, token = ec2_filters.paged(this, ec2_filters.matching(this, ids, values, known))
    return {"Vpcs": [_vpc_json(this, this.world.vpcs[one]) for one in found], "NextToken": token}


def describe_subnets(this: call.Call) -> dict[str, Any]:
    ids = ec2_filters.chosen(this, "SubnetIds", this.world.subnets, "InvalidSubnetID.NotFound")

    def values(subnet_id: str) -> ec2_filters.Values:
        subnet = this.world.subnets[subnet_id]
        return {
            "subnet-id": [subnet.id],
            "vpc-id": [subnet.vpc_id],
            "availability-zone": [subnet.zone],
            "availability-zone-id": [world.ZONES[subnet.zone]],
            "cidr-block": [subnet.cidr],
            "state": ["available"],
            "default-for-az": ["false"],
        }

    known = (
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "availability-zone-id",
        "cidr-block",
        "state",
        "default-for-az",
    )
    found, token = ec2_filters.paged(this, ec2_filters.matching(this, ids, values, known))
    return {"Subnets": [_subnet_json(this, this.world.subnets[one]) for one in found], "NextToken": token}


def create_subnet(this: call.Call) -> dict[str, Any]:
    """Joins the VPC's main route table, as a new subnet does."""
    vpc = this.world.vpcs.get(this.parameters["VpcId"])
    if vpc is None:
        raise errors.AwsError("InvalidVpcID.NotFound", f"The vpc ID '{this.parameters['VpcId']}' does not exist")
    zone = this.parameters.get("AvailabilityZone", "eu-central-1a")
    if zone not in world.ZONES:
        raise errors.AwsError("InvalidParameterValue", f"Value ({zone}) for parameter availabilityZone is invalid.")
    try:
        block = ipaddress.IPv4Network(this.parameters.get("CidrBlock", ""))
    except ValueError:
        raise errors.AwsError("InvalidParameterValue", "Value for parameter cidrBlock is invalid.") from None
    if not 16 <= block.prefixlen <= 28 or not block.subnet_of(ipaddress.IPv4Network(vpc.cidr)):
        raise errors.AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    if any(block.overlaps(ipaddress.IPv4Network(one.cidr)) for one in this.world.subnets.values()):
        raise errors.AwsError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
    tags = ec2_filters.given_tags(this, "subnet")
    subnet = world.Subnet(
        id=f"subnet-{this.world.new_id('subnet')}",
        vpc_id=vpc.id,
        cidr=str(block),
        zone=zone,
        free_addresses=block.num_addresses - 5,
    )
    this.world.subnets[subnet.id] = subnet
    this.world.tags[subnet.id] = tags
    return {"Subnet": _subnet_json(this, subnet)}


def delete_subnet(this: call.Call) -> dict[str, Any]:
    subnet_id = this.parameters["SubnetId"]
    if subnet_id not in this.world.subnets:
        raise errors.AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    if any(subnet_id in one.subnets for one in this.world.load_balancers.values()) or any(
        one.subnet_id == subnet_id for one in this.world.interfaces.values()
    ):
        raise errors.AwsError(
            "DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        )
    del this.world.subnets[subnet_id]
    this.world.tags.pop(subnet_id, None)
    return {}


def describe_availability_zones(this: call.Call) -> dict[str, Any]:
    wanted = this.parameters.get("ZoneNames") or list(world.ZONES)
    for zone in wanted:
        if zone not in world.ZONES:
            raise errors.AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")

    def values(zone: str) -> ec2_filters.Values:
        return {
            "zone-name": [zone],
            "zone-id": [world.ZONES[zone]],
            "region-name": [world.REGION],
            "state": ["available"],
            "zone-type": ["availability-zone"],
            "opt-in-status": ["opt-in-not-required"],
        }

    known = ("zone-name", "zone-id", "region-name", "state", "zone-type", "opt-in-status")
    zones = [
        {
            "ZoneName": zone,
            "ZoneId": world.ZONES[zone],
            "RegionName": world.REGION,
            "State": "available",
            "ZoneType": "availability-zone",
            "OptInStatus": "opt-in-not-required",
            "GroupName": f"{world.REGION}-zg-1",
            "NetworkBorderGroup": world.REGION,
            "Messages": [],
        }
        for zone in ec2_filters.matching(this, wanted, values, known)
    ]
    return {"AvailabilityZones": zones}


def describe_route_tables(this: call.Call) -> dict[str, Any]:
    ids = ec2_filters.chosen(this, "RouteTableIds", this.world.route_tables, "InvalidRouteTableID.NotFound")

    def values(table_id: str) -> ec2_filters.Values:
        table = this.world.route_tables[table_id]
        return {
            "route-table-id": [table.id],
            "vpc-id": [table.vpc_id],
            "association.subnet-id": table.subnets,
            "association.main": ["true" if table.main else "false"],
            "route.gateway-id": list(table.routes.values()),
            "route.destination-cidr-block": list(table.routes),
        }

    known = (
        *("route-table-id", "vpc-id", "association.subnet-id", "association.main"),
        *("route.gateway-id", "route.destination-cidr-block"),
    )
    found, token = ec2_filters.paged(this, ec2_filters.matching(this, ids, values, known))
    return {"RouteTables": [_table_json(this, this.world.route_tables[one]) for one in found], "NextToken": token}


def describe_internet_gateways(this: call.Call) -> dict[str, Any]:
    ids = ec2_filters.chosen(this, "InternetGatewayIds", [world.GATEWAY], "InvalidInternetGatewayID.NotFound")

    def values(gateway_id: str) -> ec2_filters.Values:
        return {
            "internet-gateway-id": [gateway_id],
            "attachment.vpc-id": [world.VPC],
            "attachment.state": ["available"],
        }

    known = ("internet-gateway-id", "attachment.vpc-id", "attachment.state", "owner-id")
    gateways = [
        {
            "InternetGatewayId": one,
            "OwnerId": world.ACCOUNT,
            "Attachments": [{"VpcId": world.VPC, "State": "available"}],
            "Tags": call.tag_list(this.world.tags.get(one, {})),
        }
        for one in ec2_filters.matching(this, ids, values, known)
    ]
    return {"InternetGateways": gateways}


def create_network_interface(this: call.Call) -> dict[str, Any]:
    subnet = this.world.subnets.get(this.parameters["SubnetId"])
    if subnet is None:
        raise errors.AwsError(
            "InvalidSubnetID.NotFound", f"The subnet ID '{this.parameters['SubnetId']}' does not exist"
        )
    ip = this.parameters.get("PrivateIpAddress")
    taken = {one.ip for one in this.world.interfaces.values()}
    if ip is None:
        ip = next(str(one) for one in list(ipaddress.ip_network(subnet.cidr))[4:-1] if str(one) not in taken)
    if ipaddress.ip_address(ip) not in ipaddress.ip_network(subnet.cidr):
        raise errors.AwsError("InvalidParameterValue", f"Address {ip} does not fall within the subnet's address range")
    if ip in taken:
        raise errors.AwsError("InvalidIPAddress.InUse", f"Address {ip} is in use.")
    groups = this.parameters.get("Groups") or [
        one.id for one in this.world.security_groups.values() if one.vpc_id == subnet.vpc_id and one.name == "default"
    ]
    for group in groups:
        if group not in this.world.security_groups:
            raise errors.AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    tags = ec2_filters.given_tags(this, "network-interface")
    made = world.Interface(
        id=f"eni-{this.world.new_id('interface')}",
        subnet_id=subnet.id,
        ip=ip,
        groups=list(groups),
        description=this.parameters.get("Description", ""),
    )
    this.world.interfaces[made.id] = made
    this.world.tags[made.id] = tags
    return {"NetworkInterface": _interface_json(this, made)}


def modify_network_interface_attribute(this: call.Call) -> dict[str, Any]:
    """Only Groups: what a CNI that gives pods their own security groups changes."""
    made = _interface(this)
    groups = this.parameters.get("Groups")
    if not groups:
        raise errors.AwsError("MissingParameter", "The local AWS changes only the groups of an interface")
    for group in groups:
        if group not in this.world.security_groups:
            raise errors.AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    made.groups = list(groups)
    return {}


def delete_network_interface(this: call.Call) -> dict[str, Any]:
    made = _interface(this)
    del this.world.interfaces[made.id]
    this.world.tags.pop(made.id, None)
    return {}


def describe_network_interfaces(this: call.Call) -> dict[str, Any]:
    """Includes those that load balancers hold, one per subnet (application/latest: ELB creates them)."""
    all_of_them = {one.id: (one, "") for one in this.world.interfaces.values()}
    for balancer in this.world.load_balancers.values():
        for number, subnet_id in enumerate(balancer.subnets):
            held = world.Interface(
                id=f"eni-{balancer.arn.rpartition('/')[2]}{number}",
                subnet_id=subnet_id,
                ip=str(ipaddress.ip_network(this.world.subnets[subnet_id].cidr)[-2]),
                groups=balancer.security_groups,
                description=f"ELB {balancer.arn.partition('loadbalancer/')[2]}",
            )
            all_of_them[held.id] = (held, "amazon-elb")
    ids = ec2_filters.chosen(this, "NetworkInterfaceIds", all_of_them, "InvalidNetworkInterfaceID.NotFound")

    def values(interface_id: str) -> ec2_filters.Values:
        one, requester = all_of_them[interface_id]
        return {
            "network-interface-id": [one.id],
            "subnet-id": [one.subnet_id],
            "vpc-id": [this.world.subnets[one.subnet_id].vpc_id],
            "group-id": one.groups,
            "private-ip-address": [one.ip],
            "addresses.private-ip-address": [one.ip],
            "description": [one.description],
            "requester-id": [requester] if requester else [],
            "status": ["in-use" if requester else "available"],
        }

    known = (
        *("network-interface-id", "subnet-id", "vpc-id", "group-id", "private-ip-address", "description"),
        *("addresses.private-ip-address", "requester-id", "status"),
    )
    found, token = ec2_filters.paged(this, ec2_filters.matching(this, ids, values, known))
    return {"NetworkInterfaces": [_interface_json(this, *all_of_them[one]) for one in found], "NextToken": token}


def create_tags(this: call.Call) -> dict[str, Any]:
    given = ec2_filters.checked_tags(this.parameters.get("Tags") or [])
    resources = _resources(this)
    for resource in resources:
        if len({*this.world.tags.get(resource, {}), *given}) > 50:
            raise errors.AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    for resource in resources:
        this.world.tags.setdefault(resource, {}).update(given)
    return {}


def delete_tags(this: call.Call) -> dict[str, Any]:
    """Without Tags all of them; a tag with a value goes only if the value fits (DeleteTags)."""
    for resource in _resources(this):
        held = this.world.tags.get(resource, {})
        asked = this.parameters.get("Tags")
        if asked is None:
            held.clear()
        for tag in asked or []:
            if "Value" not in tag or held.get(tag["Key"]) == tag["Value"]:
                held.pop(tag["Key"], None)
    return {}


def _resources(this: call.Call) -> list[str]:
    resources: list[str] = this.parameters.get("Resources") or []
    for resource in resources:
        kind = resource.partition("-")[0]
        kinds: dict[str, dict[str, Any]] = {
            "sg": this.world.security_groups,
            "sgr": this.world.security_rules,
            "subnet": this.world.subnets,
            "vpc": this.world.vpcs,
            "rtb": this.world.route_tables,
            "eni": this.world.interfaces,
        }
        if resource not in kinds.get(kind, {}):
            raise errors.AwsError("InvalidID", f"The ID '{resource}' is not valid")
    return resources


def _interface(this: call.Call) -> world.Interface:
    interface_id = this.parameters["NetworkInterfaceId"]
    if interface_id not in this.world.interfaces:
        raise errors.AwsError(
            "InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{interface_id}' does not exist"
        )
    return this.world.interfaces[interface_id]


def _vpc_json(this: call.Call, vpc: world.Vpc) -> dict[str, Any]:
    return {
        "VpcId": vpc.id,
        "CidrBlock": vpc.cidr,
        "State": "available",
        "IsDefault": False,
        "OwnerId": world.ACCOUNT,
        "InstanceTenancy": "default",
        "DhcpOptionsId": "dopt-00000000000000001",
        "CidrBlockAssociationSet": [
            {
                "AssociationId": f"vpc-cidr-assoc-{vpc.id.removeprefix('vpc-')}",
                "CidrBlock": vpc.cidr,
                "CidrBlockState": {"State": "associated"},
            }
        ],
        "Tags": call.tag_list(this.world.tags.get(vpc.id, {})),
    }


def _subnet_json(this: call.Call, subnet: world.Subnet) -> dict[str, Any]:
    return {
        "SubnetId": subnet.id,
        "SubnetArn": f"arn:aws:ec2:{world.REGION}:{world.ACCOUNT}:subnet/{subnet.id}",
        "VpcId": subnet.vpc_id,
        "CidrBlock": subnet.cidr,
        "AvailabilityZone": subnet.zone,
        "AvailabilityZoneId": world.ZONES[subnet.zone],
        "AvailableIpAddressCount": subnet.free_addresses,
        "State": "available",
        "DefaultForAz": False,
        "MapPublicIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "OwnerId": world.ACCOUNT,
        "Tags": call.tag_list(this.world.tags.get(subnet.id, {})),
    }


def _table_json(this: call.Call, table: world.RouteTable) -> dict[str, Any]:
    associations = [
        {
            "RouteTableAssociationId": f"rtbassoc-{subnet_id.removeprefix('subnet-')}",
            "RouteTableId": table.id,
            "SubnetId": subnet_id,
            "Main": False,
            "AssociationState": {"State": "associated"},
        }
        for subnet_id in table.subnets
    ]
    if table.main:
        main = {"RouteTableAssociationId": "rtbassoc-00000000000000001", "RouteTableId": table.id, "Main": True}
        associations.append({**main, "AssociationState": {"State": "associated"}})
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "OwnerId": world.ACCOUNT,
        "Routes": [
            {
                "DestinationCidrBlock": destination,
                "GatewayId": gateway,
                "State": "active",
                "Origin": "CreateRouteTable" if gateway == "local" else "CreateRoute",
            }
            for destination, gateway in table.routes.items()
        ],
        "Associations": associations,
        "PropagatingVgws": [],
        "Tags": call.tag_list(this.world.tags.get(table.id, {})),
    }


def _interface_json(this: call.Call, one: world.Interface, requester: str = "") -> dict[str, Any]:
    subnet = this.world.subnets[one.subnet_id]
    groups = [{"GroupId": group, "GroupName": this.world.security_groups[group].name} for group in one.groups]
    return {
        "NetworkInterfaceId": one.id,
        "SubnetId": one.subnet_id,
        "VpcId": subnet.vpc_id,
        "AvailabilityZone": subnet.zone,
        "Description": one.description,
        "PrivateIpAddress": one.ip,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": one.ip}],
        "Groups": groups,
        "InterfaceType": "interface",
        "OwnerId": world.ACCOUNT,
        "RequesterId": requester or None,
        "RequesterManaged": bool(requester),
        "SourceDestCheck": True,
        "Status": "in-use" if requester else "available",
        "TagSet": call.tag_list(this.world.tags.get(one.id, {})),
        "Ipv6Addresses": [],
    }


OPERATIONS: dict[str, call.Operation] = {
    "DescribeVpcs": describe_vpcs,
    "DescribeSubnets": describe_subnets,
    "CreateSubnet": create_subnet,
    "DeleteSubnet": delete_subnet,
    "DescribeAvailabilityZones": describe_availability_zones,
    "DescribeRouteTables": describe_route_tables,
    "DescribeInternetGateways": describe_internet_gateways,
    "CreateNetworkInterface": create_network_interface,
    "ModifyNetworkInterfaceAttribute": modify_network_interface_attribute,
    "DeleteNetworkInterface": delete_network_interface,
    "DescribeNetworkInterfaces": describe_network_interfaces,
    "CreateTags": create_tags,
    "DeleteTags": delete_tags,
}
