// SPDX-License-Identifier: Apache-2.0
// Commands that carry something from a key of one slot to a key of another: in steps, each atomic.
//
//   RENAME, RENAMENX  The value and its time to live are written to the new name; then the old one
//                     is removed if it is still the same (a script compares). If it has changed,
//                     all begins anew, a few times. Nothing is lost at any moment: at worst both
//                     exist. Others may see both for a moment.
//   COPY              The source is read, then the destination written.
//   SMOVE             The member is added to the destination, then removed from the source; if it
//                     was not there any more, the addition is taken back. At worst both have it.
//   LMOVE, RPOPLPUSH  The element is taken from the source, then pushed. If the push is refused, the
//                     element goes back to where it came from. So an element is delivered at most
//                     once; it is lost if the proxy, or the connection to the destination's shard,
//                     dies between the two steps (the client is told that the outcome is unknown).
//
// The checks of types and of what exists come first, in Redis's order.
#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "protocol/resp_array.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/cross_slot.h"

namespace slotway::proxy {
namespace {

using protocol::StringSink;
using Writer = protocol::RespWriter<StringSink>;

class Move : public CrossSlotOperation {
 public:
  using CrossSlotOperation::CrossSlotOperation;

 protected:
  const std::string& Source() const { return KeyAt(0); }
  const std::string& Destination() const { return KeyAt(1); }
  void AskSource(std::size_t part, const std::vector<std::string>& args, bool is_readonly) {
    Ask(kFirstPart + part, args, Source(), is_readonly);
  }
  void AskDestination(std::size_t part, const std::vector<std::string>& args, bool is_readonly) {
    Ask(kFirstPart + part, args, Destination(), is_readonly);
  }
  void FinishInteger(std::int64_t value) {
    std::string reply;
    StringSink sink{reply};
    Writer(sink, Version()).Integer(value);
    Finish(reply);
  }
  static bool IsError(std::string_view reply) { return reply.starts_with('-'); }
};

// DUMP and time to live of the source, RESTORE at the destination.
class ValueMove : public Move {
 public:
  using Move::Move;
  void Begin(bool probes_syntax) { CheckFirst({Source()}, probes_syntax); }

 protected:
  virtual bool MayReplace() const = 0;
  virtual void FinishMissing() = 0;
  // The destination exists and may not be replaced.
  virtual void FinishOccupied() { FinishInteger(0); }
  // The destination has the value.
  virtual void Restored() = 0;
  virtual void TakeMore(std::size_t, std::string_view) {}

  void Read() {
    AskSource(kValue, {"DUMP", Source()}, true);
    // After it in the same connection's order; a server before 7.0 does not know it.
    AskSource(kExpiry, {"PEXPIRETIME", Source()}, true);
  }
  const std::string& Payload() const { return payload_; }
  std::int64_t ExpiresAtMs() const { return expires_at_ms_; }  // -1: never; -3: not known exactly

  enum Part : std::size_t { kValue, kExpiry, kTimeToLive, kRestored, kMore };

 private:
  void Proceed() override { Read(); }

  void TakeReply(std::size_t part, std::string_view reply) override {
    switch (part) {
      case kValue:
        dump_ = reply;
        return;
      case kExpiry:
        return TakeExpiry(reply);
      case kTimeToLive:
        time_to_live_ms_ = protocol::ParseIntegerReply(reply).value_or(-1);
        return Restore();
      case kRestored:
        if (reply.starts_with("-BUSYKEY ")) return FinishOccupied();
        if (IsError(reply)) return Finish(std::string(reply));
        return Restored();
      default:
        TakeMore(part, reply);
    }
  }

  void TakeExpiry(std::string_view reply) {
    // The order of two replies on one connection holds; a held one may come later.
    if (dump_.empty()) {
      AskSource(kExpiry, {"PEXPIRETIME", Source()}, true);
      return;
    }
    if (IsError(dump_)) return Finish(std::string(dump_));
    auto payload = BulkOf(dump_);
    dump_.clear();
    if (!payload) return FinishMissing();
    payload_ = std::move(*payload);
    if (!CountBytes(payload_.size())) return;
    if (IsError(reply)) {
      expires_at_ms_ = -3;
      return AskSource(kTimeToLive, {"PTTL", Source()}, true);
    }
    expires_at_ms_ = protocol::ParseIntegerReply(reply).value_or(-1);
    Restore();
  }

  void Restore() {
    std::vector<std::string> args = {"RESTORE", Destination(), "0", payload_};
    if (expires_at_ms_ > 0) {
      args[2] = std::to_string(expires_at_ms_);
      args.push_back("ABSTTL");
    } else if (expires_at_ms_ == -3 && time_to_live_ms_ > 0) {
      args[2] = std::to_string(time_to_live_ms_);
    }
    if (MayReplace()) args.push_back("REPLACE");
    AskDestination(kRestored, args, false);
  }

  std::string dump_;
  std::string payload_;
  std::int64_t expires_at_ms_ = -1;
  std::int64_t time_to_live_ms_ = -1;
};

class Copy final : public ValueMove {
 public:
  explicit Copy(const OperationContext& context) : ValueMove(context) {
    for (std::size_t i = 3; i < Args().size(); ++i) {
      if (protocol::EqualsNoCase(Args()[i], "replace")) may_replace_ = true;
    }
  }

 private:
  bool MayReplace() const override { return may_replace_; }
  void FinishMissing() override { FinishInteger(0); }
  void Restored() override { FinishInteger(1); }

  bool may_replace_ = false;
};

class Rename final : public ValueMove {
 public:
  Rename(const OperationContext& context, bool only_if_new)
      : ValueMove(context), only_if_new_(only_if_new) {}

 private:
  static constexpr int kTriesMax = 5;
  // Removes the key if its value and time to live are those that were copied. A value's dump ends
  // with a checksum of 64 bits over all of it; its length and that stand for the whole.
  static constexpr std::string_view kRemoveUnchanged =
      "local d = redis.call('DUMP', KEYS[1]) "
      "if not d or #d ~= tonumber(ARGV[1]) or string.sub(d, -10) ~= ARGV[2] then return 0 end "
      "if ARGV[3] ~= '-3' and redis.call('PEXPIRETIME', KEYS[1]) ~= tonumber(ARGV[3]) then "
      "return 0 end "
      "return redis.call('UNLINK', KEYS[1])";
  static constexpr std::size_t kChecksumBytes = 10;

  // What was copied before is ours to replace.
  bool MayReplace() const override { return !only_if_new_ || tries_ > 0; }
  void FinishMissing() override {
    if (tries_ == 0) return FinishWithError(protocol::error_text::kNoSuchKey);
    // Somebody took it away after it had been copied: as if they had come first.
    AskDestination(kUndone, {"UNLINK", Destination()}, true);
  }

  enum More : std::size_t { kRemoved = kMore, kUndone };

  void Restored() override {
    const std::string& payload = Payload();
    std::string tail = payload.substr(payload.size() - std::min(payload.size(), kChecksumBytes));
    AskSource(kRemoved,
              {"EVAL", std::string(kRemoveUnchanged), "1", Source(), std::to_string(payload.size()),
               tail, std::to_string(ExpiresAtMs())},
              false);
  }

  void TakeMore(std::size_t part, std::string_view reply) override {
    if (part == kUndone) return FinishWithError(protocol::error_text::kNoSuchKey);
    if (IsError(reply)) return Finish(std::string(reply));
    if (protocol::ParseIntegerReply(reply) == 1) {
      if (only_if_new_) return FinishInteger(1);
      std::string ok;
      StringSink sink{ok};
      Writer(sink, Version()).Ok();
      return Finish(ok);
    }
    if (++tries_ == kTriesMax) {
      return FinishWithError(
          "TRYAGAIN The key changes too often to be moved to another slot; both names exist now");
    }
    Read();
  }

  bool only_if_new_;
  int tries_ = 0;
};

class MemberMove final : public Move {
 public:
  using Move::Move;
  void Begin() { AskSource(kExists, {"EXISTS", Source()}, true); }

 private:
  enum Part : std::size_t { kExists, kIsMember, kIsInDestination, kAdded, kRemoved, kTakenBack };

  void Proceed() override {}
  const std::string& Member() const { return Args()[3]; }

  void TakeReply(std::size_t part, std::string_view reply) override {
    if (IsError(reply) && part != kTakenBack) return Finish(std::string(reply));
    std::int64_t number = protocol::ParseIntegerReply(reply).value_or(0);
    switch (part) {
      case kExists:
        if (number == 0) return FinishInteger(0);
        return AskSource(kIsMember, {"SISMEMBER", Source(), Member()}, true);
      case kIsMember:
        is_member_ = number == 1;
        return AskDestination(kIsInDestination, {"SISMEMBER", Destination(), Member()}, true);
      case kIsInDestination:
        if (!is_member_) return FinishInteger(0);
        return AskDestination(kAdded, {"SADD", Destination(), Member()}, false);
      case kAdded:
        is_added_ = number == 1;
        return AskSource(kRemoved, {"SREM", Source(), Member()}, false);
      case kRemoved:
        if (number == 1) return FinishInteger(1);
        // Somebody else took it meanwhile.
        if (!is_added_) return FinishInteger(0);
        return AskDestination(kTakenBack, {"SREM", Destination(), Member()}, false);
      default:
        FinishInteger(0);
    }
  }

  bool is_member_ = false;
  bool is_added_ = false;
};

class ElementMove final : public Move {
 public:
  ElementMove(const OperationContext& context, bool from_left, bool to_left)
      : Move(context), from_left_(from_left), to_left_(to_left) {}
  void Begin() { AskSource(kSourceLength, {"LLEN", Source()}, true); }
  void Refuse() { FinishWithError(protocol::error_text::kSyntax); }

 private:
  enum Part : std::size_t { kSourceLength, kDestinationLength, kTaken, kPushed, kPutBack };

  void Proceed() override {}
  static std::string Push(bool is_left) { return is_left ? "LPUSH" : "RPUSH"; }

  void FinishNull() {
    std::string reply;
    StringSink sink{reply};
    Writer(sink, Version()).Null();
    Finish(reply);
  }

  void TakeReply(std::size_t part, std::string_view reply) override {
    switch (part) {
      case kSourceLength:
        if (IsError(reply)) return Finish(std::string(reply));
        if (protocol::ParseIntegerReply(reply) == 0) return FinishNull();
        return AskDestination(kDestinationLength, {"LLEN", Destination()}, true);
      case kDestinationLength:
        if (IsError(reply)) return Finish(std::string(reply));
        return AskSource(kTaken, {from_left_ ? "LPOP" : "RPOP", Source()}, false);
      case kTaken: {
        auto element = BulkOf(reply);
        if (!element) return Finish(std::string(reply));
        element_ = reply;
        value_ = std::move(*element);
        return AskDestination(kPushed, {Push(to_left_), Destination(), value_}, false);
      }
      case kPushed:
        if (!IsError(reply)) return Finish(std::string(element_));
        error_ = reply;
        // It may have run: put back, the element would be there twice.
        if (reply.starts_with("-OUTCOMEUNKNOWN ")) return Finish(std::string(error_));
        return AskSource(kPutBack, {Push(from_left_), Source(), value_}, false);
      default:
        Finish(IsError(reply) ? std::string(reply) : std::string(error_));
    }
  }

  bool from_left_, to_left_;
  std::string element_, value_, error_;
};

void StartCopy(const OperationContext& context) { (new Copy(context))->Begin(true); }
void StartRename(const OperationContext& context) { (new Rename(context, false))->Begin(false); }
void StartRenameNx(const OperationContext& context) { (new Rename(context, true))->Begin(false); }
void StartSMove(const OperationContext& context) { (new MemberMove(context))->Begin(); }
void StartRPopLPush(const OperationContext& context) {
  (new ElementMove(context, false, true))->Begin();
}

void StartLMove(const OperationContext& context) {
  auto is_side = [&](std::size_t i, std::string_view side) {
    return protocol::EqualsNoCase(context.request.args[i], side);
  };
  bool is_sound = (is_side(3, "left") || is_side(3, "right")) &&
                  (is_side(4, "left") || is_side(4, "right"));
  auto* move = new ElementMove(context, is_side(3, "left"), is_side(4, "left"));
  if (is_sound) {
    move->Begin();
  } else {
    move->Refuse();
  }
}

constexpr Composition kCompositions[] = {
    {.full_name = "copy", .across_slots = StartCopy},
    {.full_name = "lmove", .across_slots = StartLMove},
    {.full_name = "rename", .across_slots = StartRename},
    {.full_name = "renamenx", .across_slots = StartRenameNx},
    {.full_name = "rpoplpush", .across_slots = StartRPopLPush},
    {.full_name = "smove", .across_slots = StartSMove},
};

}  // namespace

std::span<const Composition> CrossSlotMoves() { return kCompositions; }

}  // namespace slotway::proxy
