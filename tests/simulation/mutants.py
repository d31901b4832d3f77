#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the guards out of storage/cluster one at a time, in a copy, and asks which seed notices.

usage: mutants.py SCRATCH_DIR [--seeds N] [--seconds N] [NAME...]

SCRATCH_DIR gets a copy of the sources, and a build of its own. A mutant is run with N seeds (100) of
each of its tests, or for as long as it may. What the code no longer says in these words is an error, so
that the list stays true.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUS = "storage/cluster/"
RACE = "ElectionsThatRaceHaveOneWinner"
OWNER = "OneOwnerServesWhateverHappens"
FORM = "NodesFormAClusterAndFindEachOtherAgain"
CYCLE = "TwoThatFollowEachOtherAgreeOnAMaster"
HANDOVER = "AReplicaThatIsReadySinceAMomentAgoTakesOver"
# Of replaced_voter_test.cpp, which has seeds of its own.
TOLD = "WhoIsElectedByAVoterOfBeforeHasHeardOfTheOneInItsPlace"
UNKNOWN = "WhoIsNotKnownToMostGrantsNoLease"
PROMISED = "AVoteOfWhoIsNoVoterAnyMoreHoldsBackNobody"


@dataclass
class Mutant:
    name: str
    edits: list  # of (file of storage/cluster, what it says, what it says instead)
    tests: tuple = (RACE, OWNER)


MUTANTS = [
    Mutant("no wait for answers to the claim", [(
        "bus_lease.cpp",
        "if (takeover_ && MajoritySinceMs(&Peer::answered_ms) >= takeover_->begun_ms &&\n"
        "      IsTakeoverKnown()) {",
        "if (takeover_) {")]),
    Mutant("a claim that only the new voters know", [(
        "bus_lease.cpp",
        "  if (!takeover_->from) return true;\n",
        "  if (true) return true;\n")]),
    Mutant("a new voter knows nothing of what the old one answered", [(
        "bus_lease.cpp",
        "peer.pong_sent_ms = std::max(peer.pong_sent_ms, now_ms);",
        ";")]),
    Mutant("a new voter votes before it is known", [(
        "bus_election.cpp",
        "if (takeover_ && host_.NowMs() < takeover_->begun_ms",
        "if (false && host_.NowMs() < takeover_->begun_ms")]),
    Mutant("an agreement that is long ago", [(
        "bus_election.cpp",
        "manual_.target_offset && host_.NowMs() - manual_.agreed_ms <= kAgreedMsMax;",
        "manual_.target_offset.has_value();")]),
    Mutant("no wait when a take-over is late or had no votes", [(
        "bus_lease.cpp",
        "if (!is_free) serves_from_ms_ = now",
        "if (false) serves_from_ms_ = now")]),
    Mutant("no lease", [(
        "bus_lease.cpp",
        "return settings_.lease_ms != 0 && is_replaceable_",
        "return false && is_replaceable_")]),
    Mutant("a vote before it is on the disk", [(
        "bus_election.cpp",
        "Promise(link, MessageOf(BusMessageType::kVote));",
        "Send(link, MessageOf(BusMessageType::kVote));")]),
    Mutant("a second vote", [(
        "bus_election.cpp",
        " || state_.LastVoteEpoch() >= request.epoch) return true;",
        ") return true;")]),
    Mutant("no promise to a candidate against others", [(
        "bus_election.cpp",
        "if (IsVotedAway(request.candidate, request.slots, old_master)) return false;",
        "")]),
    Mutant("no promise to a candidate against its master", [(
        "bus_lease.cpp",
        "return !peer.claim->is_clean || IsPromisedToOther(node, peer.claim->slots);",
        "return !peer.claim->is_clean;")]),
    Mutant("an answer before the claim is looked at", [(
        "bus_receive.cpp",
        "  UpdateAddress(link, sender, message);\n  const Peer& peer = PeerOf(sender);\n",
        "  UpdateAddress(link, sender, message);\n  SendPong(link, &message.sender);\n"
        "  const Peer& peer = PeerOf(sender);\n")]),
    Mutant("answers to what was asked before the claim", [(
        "bus_lease.cpp",
        "asked_ms = std::min(asked_ms, now_ms - 1);",
        ";")]),
    Mutant("a restart denies nothing", [(
        "cluster_bus.cpp",
        "if (!knows_outcome) denies_until_ms_",
        "if (false) denies_until_ms_")]),
    Mutant("a restart forgets failures", [(
        "cluster_bus.cpp",
        "if (!may_be_replaced) state_.SetFlag",
        "state_.SetFlag")]),
    Mutant("a restart forgets what it answered", [(
        "cluster_bus.cpp",
        "    found->second.pong_sent_ms = started_ms_;\n",
        "")]),
    Mutant("the voter does not wait for what it answered", [(
        "bus_election.cpp",
        "if (settings_.lease_ms == 0) return false;",
        "if (true) return false;")]),
    Mutant("a failure is over at once", [(
        "bus_failures.cpp",
        "if (may_be_replaced && failed_for_ms <= 2 * ElectionMs()) return;",
        "")]),
    Mutant("a restart forgets that it takes over", [(
        "cluster_bus.cpp",
        "if (state_.IsTakingOver()) BeginTakeover({});",
        "")]),
    Mutant("a claim before it is on the disk", [(
        "bus_send.cpp",
        "std::min(message.config_epoch, saves_.claim.config_epoch)",
        "message.config_epoch")], (FORM, RACE, OWNER)),
    Mutant("slots before they are on the disk", [(
        "bus_send.cpp",
        "if (master == state_.MyIndex()) slots.KeepOnly(saves_.claim.slots);",
        "")], (FORM,)),
    Mutant("first slots are served before they are claimed", [(
        "bus_lease.cpp",
        "return Me().slot_count != 0 && saves_.claim.slots.Empty();",
        "return false;")], (FORM,)),
    Mutant("no wait for whom the only master replaces", [(
        "bus_lease.cpp",
        "state_.SetHeld(HasUnknownSlots() || is_early);",
        "state_.SetHeld(HasUnknownSlots());")], (FORM,)),
    Mutant("a victory whatever the disk says", [(
        "bus_election.cpp",
        "if (!is_saved || is_late ||",
        "if (is_late ||")]),
    Mutant("a victory however late", [(
        "bus_election.cpp",
        "if (!is_saved || is_late ||",
        "if (!is_saved ||")]),
    Mutant("a new master's epoch is that of its candidacy", [(
        "cluster_state.cpp",
        "SetCurrentEpoch(Epoch(ToInt(MaxEpoch()) + 1));\n  SetTakingOver",
        "SetCurrentEpoch(MaxEpoch());\n  SetTakingOver")]),
    Mutant("what was sent earlier counts", [(
        "bus_receive.cpp",
        "  if (message.current_epoch < peer.newest_epoch) return false;\n",
        "")]),
    Mutant("two follow each other", [(
        "bus_receive.cpp",
        "if (is_my_master && master == state_.MyIndex()) BreakCycle(sender, message.offset);",
        "")], (CYCLE,)),
    Mutant("a restart without a known replica needs no lease", [(
        "cluster_bus.cpp",
        "is_replaceable_ = is_replaceable_ || !IsVoter(NodeIndex(i));",
        "")]),
    Mutant("nobody is told of voters that it does not count", [
        ("bus_receive.cpp", "TellOfVoters(link, message.sender);", ""),
        ("bus_election.cpp", "TellOfVoters(link, request.candidate);", "")], (TOLD, RACE, OWNER)),
    Mutant("votes of who is no voter any more", [(
        "bus_election.cpp",
        "if (state_.CountVoters(election_.votes) < Majority()) return;",
        "if (static_cast<int>(election_.votes.size()) < Majority()) return;")],
        (TOLD, PROMISED, RACE, OWNER)),
    Mutant("a grant of who is not known yet", [(
        "bus_lease.cpp",
        "  if (takeover_) return true;\n",
        "")], (UNKNOWN, RACE, OWNER)),
    Mutant("promises of who is no voter any more", [(
        "bus_lease.cpp",
        "const bool is_free = is_promised && now_ms",
        "const bool is_free = now_ms")], (PROMISED, RACE, OWNER)),
    Mutant("a grant of a replica is one of the master that it becomes", [(
        "bus_slots.cpp",
        "    PeerOf(claimer).granted_ms = PeerOf(last_owner).granted_ms;\n",
        "")], (UNKNOWN, RACE, OWNER)),
    Mutant("who hands over knows only what the bus has heard", [(
        "bus_recovery.cpp",
        "NodeIndex heir = LinkedHeir(state_, replication_, view);",
        "NodeIndex heir = kNoNode;")], (HANDOVER,)),
    # Two guards that hold the same.
    Mutant("no promises to candidates", [
        ("bus_election.cpp",
         "if (IsVotedAway(request.candidate, request.slots, old_master)) return false;",
         ""),
        ("bus_lease.cpp",
         "return !peer.claim->is_clean || IsPromisedToOther(node, peer.claim->slots);",
         "return !peer.claim->is_clean;")]),
    Mutant("old answers count for a new claim", [
        ("bus_lease.cpp",
         "if (takeover_ && MajoritySinceMs(&Peer::answered_ms) >= takeover_->begun_ms &&\n"
         "      IsTakeoverKnown()) {",
         "if (takeover_) {"),
        ("bus_lease.cpp", "    peer.granted_ms = 0;\n", "")]),
    Mutant("a restart forgets votes and failures", [
        ("cluster_bus.cpp", "if (!knows_outcome) denies_until_ms_", "if (false) denies_until_ms_"),
        ("cluster_bus.cpp", "if (!may_be_replaced) state_.SetFlag", "state_.SetFlag")]),
    Mutant("a failure is over at once, whatever was promised", [
        ("bus_failures.cpp",
         "if (may_be_replaced && failed_for_ms <= 2 * ElectionMs()) return;",
         ""),
        ("bus_lease.cpp",
         "return !peer.claim->is_clean || IsPromisedToOther(node, peer.claim->slots);",
         "return !peer.claim->is_clean;")]),
]


def copy_sources(scratch):
    """The sources that are tracked, if they differ, as new files: the times of what was here before are
    no older than a mutant that was built from it."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in names.stdout.split("\n"):
        source, target = ROOT / name, scratch / name
        if not name or not source.is_file():
            continue
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def build(scratch):
    """Builds the simulation; the error, or nothing."""
    if not (scratch / "build/release/build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=scratch, check=True,
                       stdout=subprocess.DEVNULL)
    built = subprocess.run(["cmake", "--build", "--preset", "release", "--target",
                            "cluster_simulation"], cwd=scratch, capture_output=True, text=True)
    return None if built.returncode == 0 else built.stdout[-2000:]


def first_finding(scratch, test, options):
    """The first seed that fails, and what it says."""
    environment = dict(os.environ, SLOTWAY_SIMULATION_SEEDS=str(options.seeds),
                       GTEST_THROW_ON_FAILURE="1")
    command = [scratch / "build/release/bin/cluster_simulation", f"--gtest_filter=*.{test}"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True,
                              timeout=options.seconds)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode == 0:
        return None
    text = done.stdout
    seed = re.search(r"SLOTWAY_SIMULATION_SEED=(\d+)", text) or re.search(r"^seed (\d+)$", text, re.M)
    what = re.search(r'Which is: "(.*)"', text)
    return f"seed {seed[1] if seed else '?'}: {what[1] if what else text[-300:]}"


def run(mutant, scratch, options):
    before = {}
    try:
        for name, old, new in mutant.edits:
            path = scratch / BUS / name
            text = path.read_text()
            before.setdefault(path, text)
            if text.count(old) != 1:
                return f"ERROR: {name} does not say once: {old.strip()}"
            path.write_text(text.replace(old, new))
        if error := build(scratch):
            return "ERROR: does not build: " + error
        for test in mutant.tests:
            if found := first_finding(scratch, test, options):
                return f"{test}, {found}"
        return "not noticed"
    finally:
        for path, text in before.items():
            path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    copy_sources(options.scratch)
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    for mutant in chosen:
        print(f"{mutant.name}: {run(mutant, options.scratch, options)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
