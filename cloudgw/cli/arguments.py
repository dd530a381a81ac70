"""The arguments of every command, in one place, so that `--help` needs no other module.

`main` calls `parse`. Exit codes: plan and drift: 0 no change, 2 any change; apply and destroy: 0 done, 2 something
waits for a person; validate: 0 valid; status and explain: 0 all as one would wish, 2 something is not or is unknown;
doctor: 0 no error, 2 something has to be put right;
lint: 0 no finding of --fail-on's level, 2 findings; trace: 0 answered by a backend or a redirect, 2 by an error or
nobody; approve: 0 shown or done, 2 nothing waits for a word; replay: 0 the same plan, 2 another; 1 is an error
everywhere, an invalid object and a wrong argument too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cloudgw.cli.problem import Problem

CONTROLLER_NAME = "cloudgw.dev/gateway-controller"  # of objects.base, which would have to be imported

CODES = "Exit codes: 0 no change, 2 any change (waiting ones too), 1 error."
CHECK_CODES = "Exit codes: 0 valid, 1 invalid or unreadable."
WISH_CODES = "Exit codes: 0 all is as one would wish, 2 something is not, or could not be decided, 1 unreadable input."
LINT_CODES = "Exit codes: 0 no finding of the level of --fail-on or above, 2 findings, 1 unreadable input."
TRACE_CODES = "Exit codes: 0 a ready backend or a redirect answers, 2 an error, nobody or unknown, 1 unreadable input."
DOCTOR_CODES = "Exit codes: 0 no error (warnings are none), 2 something has to be put right, 1 unreadable input."
ACT_CODES = "Exit codes: 0 done, 2 something waits for a person, 1 error."
WORD_CODES = "Exit codes: 0 shown or done, 2 nothing waits for approval, or not that digest, 1 error."
REPLAY_CODES = "Exit codes: 0 the plan is the captured one, 2 it differs, 1 unreadable."


class _Parser(argparse.ArgumentParser):
    """argparse ends with 2 on a wrong argument, which here means "changes"."""

    def error(self, message: str) -> NoReturn:
        raise Problem(f"{message}; see `{self.prog} --help`")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    return parser().parse_args(argv)


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="kubectl cloudgw" if os.path.basename(sys.argv[0]).startswith("kubectl-") else "cloudgw",
        description="Kubernetes Gateway API objects become managed cloud load balancers: plan first, then apply.",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _validate(commands)
    _status(commands)
    _explain(commands)
    _trace(commands)
    _lint(commands)
    _capabilities(commands)
    _plan(commands)
    _apply(commands)
    _drift(commands)
    _destroy(commands)
    _doctor(commands)
    _local(commands)
    _approve(commands)
    _capture(commands)
    _replay(commands)
    _controller(commands)
    _uninstall_check(commands)
    return top


def _command(commands: argparse._SubParsersAction[_Parser], name: str, text: str, codes: str = "") -> _Parser:
    return commands.add_parser(
        name, help=text.partition(":")[0], description=f"{text[0].upper()}{text[1:]}.", epilog=codes, allow_abbrev=False
    )


def _validate(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "check manifests as an API server would: the Gateway API's schemas and rules, without a cluster"
    command = _command(commands, "validate", text, CHECK_CODES)
    _files(command, "manifests: a file, a folder or - (repeatable)")
    command.add_argument(
        "--channel",
        choices=("standard", "experimental"),
        default="standard",
        help="which CRDs of the Gateway API the cluster has (standard)",
    )
    _output(command, "text", "json")


def _status(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "show the statuses that a controller would write: of classes, Gateways, ListenerSets, routes and policies"
    command = _command(commands, "status", text, WISH_CODES)
    command.add_argument("objects", nargs="*", metavar="KIND[/NAME]", help="only these, as for kubectl get")
    command.add_argument("-n", "--namespace", default="", metavar="NAMESPACE", help="only this namespace")
    _objects(command)
    _output(command, "text", "json", "yaml")


def _explain(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "say why an object works or not: gate by gate, the first that fails and its fix"
    command = _command(commands, "explain", text, WISH_CODES)
    command.add_argument(
        "object",
        metavar="KIND/NAME",
        help="httproute/cart, or with its namespace httproute/shop/cart; routes of all kinds, gatewayclass (gc), "
        "gateway (gtw), listenerset, backendtlspolicy, service (svc)",
    )
    command.add_argument(
        "-n", "--namespace", default="", metavar="NAMESPACE", help="may be left out where the name is unique"
    )
    _objects(command)
    _output(command, "text", "json")


def _trace(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "say which rule answers a request: what happens to it, which rules lost and why"
    command = _command(commands, "trace", text, TRACE_CODES)
    command.add_argument("method", metavar="METHOD", help="GET, POST ...; CONNECT for tls://, tcp:// and udp://")
    command.add_argument("url", metavar="URL", help="https://shop.example.com/cart, tls://db.example.com:5432 ...")
    command.add_argument(
        "-H", "--header", action="append", default=[], dest="headers", metavar="'NAME: VALUE'", help="(repeatable)"
    )
    command.add_argument(
        "--sni", default="", metavar="NAME", help="server name of the TLS handshake; else the URL's host"
    )
    command.add_argument("--grpc", default="", metavar="SERVICE/METHOD", help="as a gRPC client: path and content-type")
    command.add_argument(
        "--gateway", default="", metavar="[NAMESPACE/]NAME", help="only this one, else all that listen"
    )
    command.add_argument("--all", action="store_true", help="show every rule that lost")
    _objects(command)
    _output(command, "text", "json")


def _lint(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "find what will not work: rules that lose, what a cloud cannot honour, backends, certificates"
    command = _command(commands, "lint", text, LINT_CODES)
    _targets(command)
    command.add_argument(
        "--fail-on", choices=("warning", "error"), default="error", help="findings of this level end with 2 (error)"
    )
    command.add_argument(
        "--expiry-days", type=_days, default=30, metavar="N", help="certificates that expire within N days (30)"
    )
    command.add_argument("--info", action="store_true", help="show findings of level info too; JSON and SARIF hold all")
    _objects(command)
    _output(command, "text", "json", "sarif")


def _capabilities(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "show what each cloud can do of the Gateway API: with reasons and sources"
    command = _command(commands, "capabilities", text)
    _targets(command)
    _output(command, "text", "json", "markdown")


def _plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(commands, "plan", "show what would be done: needs no cluster and no write permission", CODES)
    _input(command)
    _offline(command)
    command.add_argument("--save-snapshot", metavar="FILE", help="write the objects that were read, without secrets")
    command.add_argument("--save-inventory", metavar="FILE", help="write the listing of each cloud, without secrets")
    _output(command, "text", "json", "markdown")


def _apply(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(commands, "apply", "do what plan shows: what is dangerous waits for a word", ACT_CODES)
    _input(command)
    command.add_argument(
        "--plan-digest",
        metavar="DIGEST",
        help="the digest that plan printed: the word for everything dangerous that it showed; refused when it moved",
    )
    command.add_argument(
        "--allow-incomplete", action="store_true", help="act although not everything that could matter was seen"
    )
    _progress(command)
    _output(command, "text", "json", "markdown")


def _drift(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "show what differs from the input: what was changed behind cloudgw's back, if the input was applied before"
    command = _command(commands, "drift", text, CODES)
    _input(command)
    _offline(command)
    _output(command, "text", "json")


def _destroy(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(
        commands, "destroy", "delete what was made for the named Gateways: naming them is the word for it", ACT_CODES
    )
    command.add_argument("gateways", nargs="*", metavar="NAMESPACE/NAME", help="Gateways to delete from their clouds")
    command.add_argument("--all", action="store_true", help="every Gateway of this owner that stands in a placement")
    _input(command)
    _progress(command)
    _output(command, "text", "json", "markdown")


def _doctor(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "say what is missing before a plan works: definitions, identity, permissions, networks, quotas"
    command = _command(commands, "doctor", text, DOCTOR_CODES)
    _input(command)
    _output(command, "text", "json")


def _local(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(commands, "local", "run local clouds for trying and testing")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    up = _command(actions, "up", "start local clouds: returns when they are ready")
    up.add_argument("--cloud", action="append", default=[], metavar="NAME", help="only this one (repeatable)")
    up.add_argument("--detach", action="store_true", help="leave them running; without it, until Ctrl-C")
    pace = up.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=_rate, metavar="R", help="cloud seconds per second (60)")
    pace.add_argument("--stepped", action="store_true", help="time moves only when a command waits")
    _command(actions, "down", "stop local clouds: their state is gone")
    _command(actions, "status", "show which local clouds run")
    env = _command(actions, "env", "print exports for any client of that cloud")
    _output(env, "text", "json")
    journal = _command(actions, "journal", "print every call that the local clouds received")
    journal.add_argument("--since", type=_count, default=0, metavar="N", help="only calls with a sequence above N")
    _output(journal, "text", "json")
    _local_cluster(actions)


def _local_cluster(actions: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(actions, "cluster", "run a local Kubernetes cluster: a real API server, and pods for root")
    steps = command.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=_Parser)
    up = _command(steps, "up", "start it: returns when it is ready; the first time it is built, which takes minutes")
    up.add_argument("--detach", action="store_true", help="leave it running; without it, until Ctrl-C")
    up.add_argument(
        "--channel",
        choices=("standard", "experimental"),
        default="standard",
        help="which CRDs of the Gateway API it gets (standard)",
    )
    up.add_argument("--no-crds", action="store_true", help="leave out the CRDs of cloudgw itself")
    up.add_argument("--no-pods", action="store_true", help="only the control plane: no nodes, no pods")
    _command(steps, "down", "stop it: everything in it is gone")
    _command(steps, "status", "show whether it runs, and what it is")
    env = _command(steps, "env", "print exports for kubectl and any other client")
    _output(env, "text", "json")


def _controller(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "run the operator: GatewayClasses of a cluster become load balancers, until a signal comes"
    command = _command(commands, "controller", text)
    command.add_argument("--owner", metavar="NAME", help="whose load balancers these are; else CLOUDGW_OWNER")
    command.add_argument(
        "--namespace",
        metavar="NAME",
        help="its own, for Lease and GatewayStates; else POD_NAMESPACE, cloudgw-system",
    )
    command.add_argument("--watch-namespaces", default="", metavar="A,B", help="only these; else all")
    command.add_argument("--mode", choices=("apply", "plan"), default="apply", help="plan: no write to any cloud")
    command.add_argument(
        "--foreign",
        action="append",
        default=[],
        metavar="CONTROLLER=CLASS",
        help="in plan mode: Gateways of this controller as if they were of that class of ours (repeatable)",
    )
    command.add_argument("--controller-name", default=CONTROLLER_NAME, metavar="NAME", help=f"{CONTROLLER_NAME}")
    command.add_argument("--fleet-budget", type=_count, default=5, metavar="N", help="Gateways deleted per hour (5)")
    command.add_argument("--resync", type=_seconds, default=600.0, metavar="SECONDS", help="between looks (600)")
    command.add_argument("--workers", type=_count, default=4, metavar="N", help="threads of each identity (4)")
    command.add_argument(
        "--no-throttle", action="store_true", help="call clouds as fast as they answer, not at the pace they publish"
    )
    command.add_argument("--listen", default="0.0.0.0:8080", metavar="HOST:PORT", help="/metrics, /healthz, /readyz")
    command.add_argument("--lease-name", default="cloudgw", metavar="NAME", help="of the Lease (cloudgw)")
    command.add_argument("--no-leader-election", action="store_true", help="this is the only process")
    command.add_argument("--log-format", choices=("json", "text"), default="json", help="json unless told otherwise")
    command.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", help="info unless told otherwise"
    )
    command.add_argument("--kubeconfig", metavar="FILE", help="else the service account, else the default kubeconfig")
    command.add_argument("--context", metavar="NAME", help="of the kubeconfig")


def _approve(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "say yes to what is dangerous in a controller's plan: show it, or with its digest approve it"
    command = _command(commands, "approve", text, WORD_CODES)
    command.add_argument("gateway", metavar="NAMESPACE/NAME", help="the Gateway")
    command.add_argument("digest", nargs="?", default="", metavar="DIGEST", help="of the plan that was read")
    command.add_argument("--yes", action="store_true", help="approve all that is shown; on a terminal only")
    command.add_argument("--revoke", action="store_true", help="take back DIGEST, or every approval")
    command.add_argument("--kubeconfig", metavar="FILE", help="else the default kubeconfig")
    command.add_argument("--context", metavar="NAME", help="of the kubeconfig")


def _capture(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "store what one Gateway's plan is made of: objects, listings and diary, without secrets, for replay"
    command = _command(commands, "capture", text)
    command.add_argument("gateway", metavar="NAMESPACE/NAME", help="the Gateway")
    command.add_argument("-o", "--out", metavar="FILE", help="where to; else standard output")
    command.add_argument(
        "--controller-namespace",
        default="cloudgw-system",
        metavar="NAME",
        help="where the controller keeps its diary (cloudgw-system)",
    )
    _input(command)
    _offline(command)


def _replay(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "plan again from a captured file, offline: and say whether the plan is the same"
    command = _command(commands, "replay", text, REPLAY_CODES)
    command.add_argument("capture", metavar="FILE", help="written by `cloudgw capture`; - is standard input")
    _output(command, "text", "json", "markdown")


def _uninstall_check(commands: argparse._SubParsersAction[_Parser]) -> None:
    text = "say whether the controller may be removed: Gateways that still need it are named"
    codes = "Exit codes: 0 it may go, 2 Gateways still need it, 1 error."
    command = _command(commands, "uninstall-check", text, codes)
    command.set_defaults(command="uninstall")  # the module
    command.add_argument("--watch-namespaces", default="", metavar="A,B", help="only these; else all")
    command.add_argument("--controller-name", default=CONTROLLER_NAME, metavar="NAME", help=CONTROLLER_NAME)
    command.add_argument("--kubeconfig", metavar="FILE", help="else the service account, else the default kubeconfig")
    command.add_argument("--context", metavar="NAME", help="of the kubeconfig")


def _files(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("-f", "--file", action="append", default=[], dest="files", metavar="PATH", help=text)


def _input(command: argparse.ArgumentParser) -> None:
    _objects(command)
    command.add_argument("--owner", metavar="NAME", help="whose load balancers these are; else `owner` of cloudgw.yaml")


def _objects(command: argparse.ArgumentParser) -> None:
    """Kubernetes objects: of files, of a saved snapshot or of a cluster."""
    _files(command, "manifests: a file, a folder or - (repeatable); else `files` of cloudgw.yaml")
    command.add_argument(
        "--base",
        action="append",
        default=[],
        metavar="PATH",
        help="the manifests as they were: what is there and not in -f is known to be gone",
    )
    command.add_argument("--complete", action="store_true", help="-f holds every object that exists")
    command.add_argument("--snapshot", metavar="FILE", help="objects saved by plan --save-snapshot, below those of -f")
    command.add_argument(
        "--live", action="store_true", help="objects of a cluster, below those of -f: by the default kubeconfig"
    )
    command.add_argument("--kubeconfig", metavar="FILE", help="as --live, by this kubeconfig")
    command.add_argument("--context", metavar="NAME", help="as --live, with this context of the kubeconfig")


def _targets(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--target",
        "--targets",
        action="append",
        default=[],
        dest="targets",
        metavar="NAME[,NAME]",
        help="only these providers; else all that are installed",
    )


def _offline(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--inventory", metavar="FILE", help="a listing saved by plan --save-inventory: no network is used"
    )


def _progress(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--progress",
        choices=("auto", "always", "never"),
        default="auto",
        help="steps and waits on standard error (auto: on a terminal)",
    )


def _output(command: argparse.ArgumentParser, *formats: str) -> None:
    command.add_argument("--output", choices=formats, default=formats[0], help="text unless told otherwise")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: give a number above 0, such as 60")
    return rate


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: give one above 0, such as 600")
    return seconds


def _days(text: str) -> int:
    if not text.isdigit() or len(text) > 5:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days: give one such as 30")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no sequence: give a number such as 0")
    return int(text)
