// SPDX-License-Identifier: Apache-2.0
// DEBUG: which of its subcommands go to all masters, to the owner of a key, to anybody, to nobody.
#include <array>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "protocol/resp_reply_value.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/fan_out.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;

enum class Way : std::uint8_t {
  kAny,
  kAll,     // has to succeed on every master
  kKey,     // argument 2 is a key
  kKeys,    // arguments from 2 on are keys; one element of an array each
  kDigest,  // of the whole data set
  kText,    // of each master, one below the other
  kRefused,
};

struct Subcommand {
  std::string_view name;
  Way way;
};

// What is not here is for a shard to know, and to find words for.
constexpr Subcommand kSubcommands[] = {
    {"aof-flush-sleep", Way::kAll},
    {"assert", Way::kRefused},
    {"change-repl-id", Way::kAll},
    {"config-rewrite-force-all", Way::kAll},
    {"crash-and-recover", Way::kRefused},
    {"dict-resizing", Way::kAll},
    {"digest", Way::kDigest},
    {"digest-value", Way::kKeys},
    {"drop-cluster-packet-filter", Way::kRefused},
    {"htstats", Way::kText},
    {"htstats-key", Way::kKey},
    {"leak", Way::kRefused},
    {"listpack", Way::kKey},
    {"loadaof", Way::kAll},
    {"log", Way::kAll},
    {"object", Way::kKey},
    {"oom", Way::kRefused},
    {"panic", Way::kRefused},
    {"pause-cron", Way::kAll},
    {"populate", Way::kRefused},
    {"quicklist", Way::kKey},
    {"quicklist-packed-threshold", Way::kAll},
    {"reload", Way::kAll},
    {"replicate", Way::kRefused},
    {"replybuffer", Way::kAll},
    {"restart", Way::kRefused},
    {"sdslen", Way::kKey},
    {"segfault", Way::kRefused},
    {"set-active-expire", Way::kAll},
    {"set-disable-deny-scripts", Way::kAll},
    {"set-skip-checksum-validation", Way::kAll},
    {"sleep", Way::kAll},
    {"ziplist", Way::kKey},
};

constexpr std::string_view kRefusedText =
    "ERR This DEBUG subcommand is not available through Slotway: ask a node directly";

Way WayOf(std::span<const std::string_view> args) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (!protocol::EqualsNoCase(subcommand.name, args[1])) continue;
    bool needs_key = subcommand.way == Way::kKey || subcommand.way == Way::kKeys;
    return needs_key && args.size() < 3 ? Way::kAny : subcommand.way;
  }
  return Way::kAny;
}

// One request to the owner of one key.
class AskOne final : public Operation {
 public:
  using Operation::Operation;
  void Begin(Slot slot, Args args) { Send(slot, args, 0, false); }
  void Refuse() { FinishWithError(kRefusedText); }
  void OnReply(std::size_t, std::string_view reply) override { Finish(reply); }
};

// DIGEST-VALUE: each key's digest comes from its owner.
class AskEachKey final : public Operation {
 public:
  using Operation::Operation;
  void Begin(Args args) {
    std::vector<std::string> keys(args.begin() + 2, args.end());
    digests_.resize(keys.size());
    left_ = keys.size();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Send(Dispatch().SlotOf(keys[i]), {"DEBUG", "DIGEST-VALUE", keys[i]}, i, true);
    }
  }
  void OnReply(std::size_t part, std::string_view reply) override {
    digests_[part] = reply;
    if (--left_ > 0) return;
    std::string joined;
    protocol::StringSink sink{joined};
    protocol::RespWriter<protocol::StringSink>(sink, Version()).Array(digests_.size());
    for (const std::string& digest : digests_) {
      if (digest.starts_with('-')) return Finish(std::string(digest));
      auto value = protocol::ParseRespValue(digest);
      bool is_list = value && value->elements.size() == 1;
      std::string text = is_list ? value->elements[0].text : std::string();
      protocol::RespWriter<protocol::StringSink>(sink, Version()).SimpleString(text);
    }
    Finish(joined);
  }

 private:
  std::vector<std::string> digests_;
  std::size_t left_ = 0;
};

// A data set's digest is the keys' digests and a value that stands for database 0, if it has keys,
// all xored. So the digests of shards xored are the whole's, but that the database's value has
// cancelled itself out where an even number of shards has keys.
constexpr std::string_view kDatabaseDigest = "aa3098f3aae94baac14e3b8b8dcae989af93f6a2";

std::string JoinDigests(const FanOutReplies& replies) {
  constexpr std::size_t kDigits = 40;
  auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::array<int, kDigits> digest{};
  int with_keys = 0;
  auto add = [&](std::string_view text) {
    for (std::size_t i = 0; i < kDigits && i < text.size(); ++i) digest[i] ^= digit(text[i]) & 15;
  };
  for (const std::string& reply : replies.replies) {
    auto value = protocol::ParseRespValue(reply);
    if (!value || value->text.find_first_not_of('0') == std::string::npos) continue;
    ++with_keys;
    add(value->text);
  }
  if (with_keys > 0 && with_keys % 2 == 0) add(kDatabaseDigest);
  std::string text;
  for (int value : digest) text += "0123456789abcdef"[value];
  std::string out;
  protocol::StringSink sink{out};
  protocol::RespWriter<protocol::StringSink>(sink, replies.version).SimpleString(text);
  return out;
}

std::string JoinTables(const FanOutReplies& replies) {
  std::string text;
  for (std::size_t i = 0; i < replies.replies.size(); ++i) {
    auto value = protocol::ParseRespValue(replies.replies[i]);
    if (value) text += "# " + replies.names[i] + "\n" + value->text;
  }
  std::string out;
  protocol::StringSink sink{out};
  protocol::RespWriter<protocol::StringSink>(sink, replies.version).Verbatim("txt", text);
  return out;
}

void StartDebug(const OperationContext& context) {
  auto args = context.request.args;
  FanOut::Manner manner;
  switch (WayOf(args)) {
    case Way::kAll:
      return FanOut::Start(context, manner);
    case Way::kDigest:
      manner.join = JoinDigests;
      return FanOut::Start(context, manner);
    case Way::kText:
      manner.join = JoinTables;
      return FanOut::Start(context, manner);
    case Way::kKeys:
      return (new AskEachKey(context))->Begin(args);
    case Way::kRefused:
      return (new AskOne(context))->Refuse();
    case Way::kKey:
      return (new AskOne(context))->Begin(context.dispatcher.SlotOf(args[2]), args);
    case Way::kAny:
      break;
  }
  const auto& slots = context.dispatcher.SlotOfEachMaster();
  (new AskOne(context))->Begin(slots.empty() ? Slot{0} : slots.front(), args);
}

bool IsForClients(std::span<const std::string_view> args) { return WayOf(args) != Way::kRefused; }

constexpr Composition kCompositions[] = {
    {.full_name = "debug", .always = StartDebug, .suits_lone_shard = IsForClients},
};

}  // namespace

std::span<const Composition> DebugCompositions() { return kCompositions; }

}  // namespace slotway::proxy
