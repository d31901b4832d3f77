// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/command_document.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/client/local_command.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/keyless_routes.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kIntroduction = R"(# What works through the proxy

Written by the build from the tables that the proxy itself goes by; a test holds the two together.

- **owner of its key**: sent to the shard that has the key's slot.
- **one slot**: all keys have to be in one slot (hash tags), else `CROSSSLOT`.
- **split**: keys may be in any slots; the request is cut by slots and the replies are joined. Not
  atomic then. `routing.split_mset: no` refuses an MSET that would be cut.
- **across slots: reads** or **all**: with keys in several slots the proxy carries it out by itself,
  if `routing.cross_slot` is at least that; otherwise `CROSSSLOT`.
- **all masters**: every master is asked and the replies are joined as named.
- **any master**: one master's word is good for all.
- **in steps**: the proxy composes it of several requests to shards.
- **the proxy**: answered without asking a shard for the whole of it.

## How far it is atomic

| commands | keys in several slots |
| --- | --- |
| SUNION, SINTER, SDIFF, SINTERCARD, ZUNION, ZINTER, ZDIFF, ZINTERCARD, PFCOUNT, XREAD without BLOCK | Each key is read at one moment, the keys at moments a little apart. Nothing is written. |
| ...STORE, PFMERGE, BITOP, SORT, LCS | Sources as above, copied to the destination's shard under names that expire; the write is atomic. |
| SORT, SORT_RO with BY or GET | What the patterns name is read key by key, each at a moment of its own. With STORE (needs `all`) the outcome is written at once. |
| COPY | The source is read, then the destination written. |
| RENAME, RENAMENX | The new name is written, then the old one removed if it has not changed meanwhile; else it begins anew, five times at most. Nothing is lost at any moment; both may exist for a moment, or after an error. |
| SMOVE | Added to the destination, then removed from the source; taken back if it was gone. At worst both have it. |
| LMOVE, RPOPLPUSH | Taken, then pushed; put back if the push is refused. Delivered at most once; lost if the proxy dies between the two. |
| MGET, EXISTS, TOUCH, DEL, UNLINK, MSET | Each slot's part is atomic. One part's error is the reply, with the slot's number, although other parts may have run. |
| MSETNX and all others | `CROSSSLOT` |

All that is fetched for one request stays within `routing.cross_slot_bytes_max`.

## SCAN

Cursors are numbers below 2^63, good at every proxy in front of the cluster, and expire never. For
clients that keep them in a double they are below 2^53, unless a shard has more than 16 million
keys, or more than 4,000 while the cluster changes. Every key that exists from the first call to the
last is returned at least once, also if slots move or masters change meanwhile; a key may come more
than once. A scan ends if the cluster's changes end: each of them repeats one node's part at most.
Not noticed is a server that restarts in place, under the same address, and has its keys again, as
with Redis alone. And of a scan that has met a change of the cluster already, a second failover of
the very node that it is at stays unnoticed with a chance of 1 in 32 at most (shards of up to 33
million keys; 1 in 4 up to 268 million).

## Where it is not one Redis

Everything else is answered as one Redis would answer it.

| commands | through the proxy | why |
| --- | --- | --- |
| KEYS, DBSIZE, FLUSHALL, SCRIPT, FUNCTION, CONFIG SET, SAVE and all that ask all masters | not at one moment; one master's error is the reply, with its address, although others may have done it | there is no moment that several servers share |
| CONFIG SET | not sent to replicas. `acllog-max-len` is about the ACL LOG of this proxy, until it ends, and `requirepass` about the default user of all proxies | ask them directly; a replica may need settings of its own |
| CONFIG GET | what one master says; `acllog-max-len` is this proxy's | all are expected to be set alike |
| ACL LOG | what this proxy has refused. A script that fails because it was refused something is an entry, whose object is what the shard's ACL LOG has; what a script catches (pcall) is in the shard's alone | shards run scripts |
| commands of modules, for users that may not do everything | `+@all` allows them, with keys as COMMAND describes them. One of which it does not say where all its keys are needs `~*` | nobody can say what it touches |
| AUTH and HELLO in a transaction, rules that change before EXEC | EXEC looks at each command as the user of that moment, as Redis does. It does so before anything runs: rules that the transaction itself changes count behind it | what has keys runs as one, and before the rest |
| INFO | of the clients and the process: the proxy; of memory, keys, commands: sums over the masters that answer in time; of replication: a master without replicas | who asks means the address he is connected to |
| HELLO, INFO: the version | 7.2.5, whatever the backend is | clients choose commands by it; those that the backend lacks are refused by the backend |
| HELLO: modules | none; MODULE LIST and INFO MODULES have them | |
| COMMAND | the proxy's table, and behind it what modules and later versions have brought; DOCS is what one master says; `LIST FILTERBY MODULE` is empty | which module a command is of, COMMAND does not say |
| CLIENT LIST, KILL, PAUSE, UNBLOCK, MONITOR, PUBSUB | the clients of this proxy, of all its workers | other proxies and direct clients are not known |
| MONITOR | not what scripts run | shards run them |
| SLOWLOG, LATENCY, MEMORY STATS | joined over the masters; what all of them did counts once; the address and the name are the proxy's, and what the proxy answers itself is not in it: see SLOTWAY SLOWLOG. SLOWLOG has at most `slowlog-max-len` entries, newest first, ids that grow with the second | shards see one client, the proxy |
| CLIENT TRACKING | FLUSHALL may be told once by each master; a slot with a new owner, or a lost connection, makes the client drop all | each shard remembers what was read there |
| CLIENT NO-TOUCH, CLIENT ACK-REPLICAS, WAITAOF, CLUSTER SLOT-STATS and all that is younger than the backend | `ERR unknown command` or `subcommand`, the backend's words | the backend carries it out |
| MULTI | the slot is the first key's; `CROSSSLOT` at the command that leaves it. Commands for all masters run before or behind those with keys, with one master in their place. Memory that is short, a replica that is missing, a script that runs are found at EXEC, which answers EXECABORT | it goes to one shard, with EXEC, in one piece |
| WATCH | keys of one slot; EXEC answers nil if the connection was lost or the slot has moved | nobody can say then that nothing has changed |
| BLPOP and all that block, XREAD BLOCK | keys of one slot. A failover does not end the wait: the call is made again at the new master. A write whose shard is lost before it is known to wait may have run: `OUTCOMEUNKNOWN`. What a shard gave to one that waited, in its last moment, is lost, as it is when a client of Redis is cut off | a call that waits cannot know |
| XREAD BLOCK with `$` | one more question to the shard, for the last id | so that nothing is passed over when the shard is replaced |
| WAIT, WAITAOF | the least count of the masters that this client has written to | each has replicas of its own |
| EVAL, FCALL without keys | one master, all, or refused: `routing.keyless_scripts` | no key says where to go |
| SORT with BY or GET patterns | refused by the shard | the keys that patterns name may be anywhere |
| SELECT, MOVE, SWAPDB, COPY with DB | refused by a cluster; as in Redis behind master and replicas | a cluster has one database |
| CLUSTER | one master that serves all slots, at the address that the client reached; COUNTKEYSINSLOT and GETKEYSINSLOT ask the slot's owner | nothing is ever redirected |
| DEBUG | what concerns keys goes to their owner, DIGEST is of all, settings go to all masters; POPULATE, and what stops a server or is about replication: `ERR This DEBUG subcommand is not available through Slotway: ask a node directly` | |
| SCRIPT DEBUG YES, SYNC | `ERR SCRIPT DEBUG stops a whole shard: debug scripts on a server of your own` | |
| redis-cli --rdb, --functions-rdb, --replica | refused, as SYNC is | the proxy has no stream of writes |

)";

std::string_view RuleText(MergeRule rule) {
  switch (rule) {
    case MergeRule::kSum:
      return "sum";
    case MergeRule::kMin:
      return "least";
    case MergeRule::kMax:
      return "greatest";
    case MergeRule::kLogicalAnd:
      return "and";
    case MergeRule::kLogicalOr:
      return "or";
    case MergeRule::kAllSucceeded:
      return "all have to succeed";
    case MergeRule::kOneSucceeded:
      return "one has to succeed";
    case MergeRule::kConcatenate:
      return "all elements";
    case MergeRule::kByKeyOrder:
      break;
  }
  return "by key";
}

std::string WayOf(const protocol::CommandSpec& spec, const RequestPlan& plan) {
  if (FindLocalCommand(protocol::IdOf(spec)) != nullptr) return "the proxy";
  switch (plan.route) {
    case Route::kOneKey:
      return "owner of its key";
    case Route::kKeys: {
      std::string text = "one slot";
      if (plan.start_across_slots != nullptr) {
        text += std::string("; across slots: ") + (plan.across_slots_writes ? "all" : "reads");
      }
      if (plan.reads_more != nullptr) text += "; what patterns name: reads";
      return text;
    }
    case Route::kSplit:
      return "split";
    case Route::kAllShards:
      return "all masters: " + std::string(RuleText(plan.merge));
    case Route::kAnyShard:
      return "any master";
    case Route::kComposed:
      return "in steps";
    case Route::kUnsupported:
      break;
  }
  return plan.refusal.empty() ? "not yet" : "refused";
}

std::string Shown(std::string_view full_name) {
  std::string name(full_name);
  for (char& c : name) {
    if (c == '|') c = ' ';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return name;
}

}  // namespace

std::string CommandDocument() {
  auto plans = PlanAllCommands(Compositions());
  std::map<std::string_view, std::vector<const protocol::CommandSpec*>> groups;
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    // A container's own row is carried out only if it has an answer: COMMAND.
    bool has_answer = FindLocalCommand(static_cast<protocol::CommandId>(id)) != nullptr;
    if (spec.subcommands.empty() || has_answer) groups[spec.group].push_back(&spec);
  }
  std::string text(kIntroduction);
  text += "## Every command\n";
  for (auto& [group, specs] : groups) {
    std::sort(specs.begin(), specs.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    text += "\n### " + std::string(group) + "\n\n| command | way |\n| --- | --- |\n";
    for (const protocol::CommandSpec* spec : specs) {
      text += "| " + Shown(spec->name) + " | " + WayOf(*spec, plans[protocol::IdOf(*spec)]) + " |\n";
    }
  }
  text += "\n## Refused, and why\n\n| command | error | reason |\n| --- | --- | --- |\n";
  for (const Refusal& refusal : Refusals()) {
    text += "| " + Shown(refusal.full_name) + " | `" + std::string(refusal.text) + "` | " +
            std::string(refusal.reason) + " |\n";
  }
  return text;
}

}  // namespace slotway::proxy
