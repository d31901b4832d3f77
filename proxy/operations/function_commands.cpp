// SPDX-License-Identifier: Apache-2.0
// FUNCTION, which clients see without the libraries that proxies keep records in: see
// protocol/shared_record. Those are not listed, not dumped, not counted, and neither loaded nor
// deleted. Without one every answer is the shards' own.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/error_reply.h"
#include "protocol/function_dump.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "protocol/shared_record.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/fan_out.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using Words = std::vector<std::string>;

constexpr std::array<std::string_view, 4> kListRecords = {
    "FUNCTION", "LIST", "LIBRARYNAME", protocol::kRecordLibraries};
constexpr std::array<std::string_view, 5> kListRecordsWithCode = {
    "FUNCTION", "LIST", "LIBRARYNAME", protocol::kRecordLibraries, "WITHCODE"};

bool IsError(std::string_view reply) { return reply.starts_with('-'); }

std::string_view FirstError(const Words& replies) {
  auto error = std::find_if(replies.begin(), replies.end(), IsError);
  return error == replies.end() ? replies.front() : *error;
}

bool IsRecord(const RespValue& library) {
  const RespValue* name = protocol::LibraryField(library, "library_name");
  return name != nullptr && protocol::IsRecordName(name->text);
}

// The codes in a reply to FUNCTION LIST ... WITHCODE, those of records or the others.
Words CodesIn(std::string_view reply, bool of_records) {
  Words codes;
  const auto list = protocol::ParseRespValue(reply);
  if (!list) return codes;
  for (const RespValue& library : list->elements) {
    const RespValue* code = protocol::LibraryField(library, "library_code");
    if (code != nullptr && IsRecord(library) == of_records) codes.push_back(code->text);
  }
  return codes;
}

std::size_t RecordsIn(std::string_view function_list) {
  const auto list = protocol::ParseRespValue(function_list);
  if (!list) return 0;
  return static_cast<std::size_t>(
      std::count_if(list->elements.begin(), list->elements.end(), IsRecord));
}

// ---- FUNCTION LIST ----

class ListOperation final : public Operation {
 public:
  using Operation::Operation;
  void Begin(Args request) {
    const auto& slots = Dispatch().SlotOfEachMaster();
    Send(slots.empty() ? protocol::Slot{0} : slots.front(), request, 0, true);
  }
  void OnReply(std::size_t, std::string_view reply) override {
    std::vector<std::string_view> libraries;
    if (!protocol::SplitArray(reply, libraries)) return Finish(reply);
    std::erase_if(libraries, [](std::string_view library) {
      const auto value = protocol::ParseRespValue(library);
      return value && IsRecord(*value);
    });
    std::string visible;
    protocol::AppendArrayHeader(libraries.size(), visible);
    for (std::string_view library : libraries) visible += library;
    Finish(visible);
  }
};

// ---- FUNCTION DUMP ----

class DumpOperation final : public Operation {
 public:
  using Operation::Operation;
  void Begin() {
    const auto& slots = Dispatch().SlotOfEachMaster();
    if (!slots.empty()) slot_ = slots.front();
    Send(slot_, kListRecords, kRecords, true);
  }
  void OnReply(std::size_t part, std::string_view reply) override {
    switch (part) {
      case kRecords:
        if (RecordsIn(reply) == 0) return Send(slot_, {"FUNCTION", "DUMP"}, kDump, true);
        return Send(slot_, {"FUNCTION", "LIST", "WITHCODE"}, kCodes, true);
      case kCodes:
        return IsError(reply) ? Finish(reply) : FinishWithDump(CodesIn(reply, false));
      default:
        return Finish(reply);
    }
  }

 private:
  enum Part : std::size_t { kRecords, kDump, kCodes };

  void FinishWithDump(const Words& codes) {
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink>(sink, Version())
        .Bulk(protocol::WriteFunctionDump(codes));
    Finish(reply);
  }

  protocol::Slot slot_{0};
};

// ---- FUNCTION STATS ----

// Where something runs; the engines are the same everywhere.
std::string_view BusyOrFirst(const Words& replies) {
  auto busy = std::find_if(replies.begin(), replies.end(), [](const std::string& reply) {
    auto value = protocol::ParseRespValue(reply);
    return value && value->elements.size() > 1 &&
           value->elements[1].kind != RespValue::Kind::kNull;
  });
  return busy == replies.end() ? replies.front() : *busy;
}

// The integer that stands behind that name in an encoded reply becomes less.
void Lessen(std::string_view name, std::size_t by, std::string& reply) {
  const std::size_t at = reply.find(std::string(name) + "\r\n:");  // wire: edited in place
  if (at == reply.npos) return;
  const std::size_t begin = at + name.size() + 3;
  const std::size_t length = reply.find('\r', begin) - begin;
  const auto count = protocol::ParseInteger(std::string_view(reply).substr(begin, length));
  if (!count) return;
  const std::int64_t left = std::max<std::int64_t>(*count - static_cast<std::int64_t>(by), 0);
  reply.replace(begin, length, std::to_string(left));
}

class StatsOperation final : public Operation {
 public:
  using Operation::Operation;
  void Begin() {
    const std::vector<protocol::Slot> slots = Dispatch().SlotOfEachMaster();
    if (slots.empty()) return FinishWithError(trouble_text::kUnreachable);
    replies_.resize(slots.size() + 1);  // the last one is the list of records
    left_ = replies_.size();
    SendToEachMaster(std::vector<std::string_view>{"FUNCTION", "STATS"}, true);
    Send(slots.front(), kListRecords, slots.size(), true);
  }
  void OnReply(std::size_t part, std::string_view reply) override {
    replies_[part] = reply;
    if (--left_ > 0) return;
    const std::size_t records = RecordsIn(replies_.back());
    replies_.pop_back();
    if (IsError(FirstError(replies_))) return Finish(FirstError(replies_));
    std::string stats(BusyOrFirst(replies_));
    Lessen("libraries_count", records, stats);
    Lessen("functions_count", records, stats);  // each has one
    Finish(stats);
  }

 private:
  Words replies_;
  std::size_t left_ = 0;
};

// ---- FUNCTION FLUSH, and RESTORE with FLUSH ----

// On each master the request and the loading of the records that it had, as one transaction.
class FlushOperation final : public Operation {
 public:
  explicit FlushOperation(const OperationContext& context)
      : Operation(context),
        request_(context.request.args.begin(), context.request.args.end()),
        slots_(Dispatch().SlotOfEachMaster()) {}

  void Begin() {
    if (slots_.empty()) return FinishWithError(trouble_text::kUnreachable);
    codes_.resize(slots_.size());
    replies_.resize(slots_.size());
    left_ = slots_.size();
    // A copy: answers that come at once may end the operation.
    const std::vector<protocol::Slot> slots = slots_;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Send(slots[i], kListRecordsWithCode, PartOf(i, kRecords), true);
    }
  }
  void OnReply(std::size_t part, std::string_view reply) override {
    const std::size_t master = part / kSteps;
    switch (part % kSteps) {
      case kRecords:
        codes_[master] = CodesIn(reply, true);
        return IsError(reply) ? Take(master, reply) : Flush(master);
      case kExec:
        return Take(master, FirstOfExec(reply));
      case kPlain:
      case kWait:  // nobody came
        return Take(master, reply);
      default:
        return;  // QUEUED
    }
  }
  void OnLost(std::size_t part, bool may_have_run) override {
    if (part % kSteps != kExec) return;
    Take(part / kSteps, protocol::ErrorReplyOf(may_have_run ? trouble_text::kOutcomeUnknown
                                                              : trouble_text::kUnreachable));
  }
  void OnShardReady(std::size_t part) override { Flush(part / kSteps); }

 private:
  enum Step : std::size_t { kRecords, kPlain, kInside, kExec, kWait, kSteps };

  static std::size_t PartOf(std::size_t master, Step step) { return master * kSteps + step; }

  void Flush(std::size_t master) {
    const protocol::Slot slot = slots_[master];
    if (codes_[master].empty()) return Send(slot, request_, PartOf(master, kPlain), false);
    const NodeIndex node = Dispatch().OwnerIndex(slot);
    const std::size_t inside = PartOf(master, kInside);
    if (node == kNoNodeIndex || !SendToNode(node, {"MULTI"}, inside)) {
      return TryLater(slot, PartOf(master, kWait), trouble_text::kUnreachable);
    }
    Queue().NoteWrite(slot);
    SendToNode(node, std::vector<std::string_view>(request_.begin(), request_.end()), inside);
    for (const std::string& code : codes_[master]) {
      SendToNode(node, {"FUNCTION", "LOAD", code}, inside);
    }
    SendToNode(node, {"EXEC"}, PartOf(master, kExec));
  }

  static std::string FirstOfExec(std::string_view reply) {
    std::vector<std::string_view> replies;
    const bool has_run = protocol::SplitArray(reply, replies) && !replies.empty();
    return std::string(has_run ? replies.front() : reply);
  }

  void Take(std::size_t master, std::string_view reply) {
    replies_[master] = reply;
    if (--left_ == 0) Finish(std::string(FirstError(replies_)));
  }

  Words request_;
  std::vector<protocol::Slot> slots_;
  std::vector<Words> codes_;  // of the records, of each master
  Words replies_;
  std::size_t left_ = 0;
};

// ---- FUNCTION LOAD, DELETE, RESTORE ----

class RefuseOperation final : public Operation {
 public:
  using Operation::Operation;
  void Begin(std::string_view text) { FinishWithError(text); }
  void OnReply(std::size_t, std::string_view) override {}
};

constexpr std::string_view kReserved =
    "ERR Libraries whose names begin with slotway_users_ belong to the proxies";

void Refuse(const OperationContext& context, std::string_view text) {
  (new RefuseOperation(context))->Begin(text);
}

bool LoadsNoRecord(std::span<const std::string_view> args) {
  return !protocol::IsRecordName(protocol::NameOfLibrary(args.back()));
}

void Load(const OperationContext& context) {
  LoadsNoRecord(context.request.args) ? FanOut::Start(context, {}) : Refuse(context, kReserved);
}

bool DeletesNoRecord(std::span<const std::string_view> args) {
  return !protocol::IsRecordName(args[2]);
}

void Delete(const OperationContext& context) {
  DeletesNoRecord(context.request.args) ? FanOut::Start(context, {})
                                        : Refuse(context, "ERR Library not found");
}

bool HasRestorePolicy(std::span<const std::string_view> args) {
  constexpr std::array<std::string_view, 3> kPolicies = {"flush", "append", "replace"};
  return args.size() == 3 ||
         (args.size() == 4 && std::any_of(kPolicies.begin(), kPolicies.end(), [&](auto policy) {
            return protocol::EqualsNoCase(args[3], policy);
          }));
}

void Restore(const OperationContext& context) {
  const auto args = context.request.args;
  // The shards refuse it, before they look at what is to be restored.
  if (!HasRestorePolicy(args)) return FanOut::Start(context, {});
  const auto codes = protocol::ReadFunctionDump(args[2]);
  if (!codes) return Refuse(context, "ERR DUMP payload version or checksum are wrong");
  const bool has_record = std::any_of(codes->begin(), codes->end(), [](const std::string& code) {
    return protocol::IsRecordName(protocol::NameOfLibrary(code));
  });
  if (has_record) return Refuse(context, kReserved);
  const bool flushes = args.size() > 3 && protocol::EqualsNoCase(args[3], "flush");
  flushes ? (new FlushOperation(context))->Begin() : FanOut::Start(context, {});
}

// ---- The table ----

bool Always(std::span<const std::string_view>) { return true; }

template <class AnOperation>
void Start(const OperationContext& context) {
  (new AnOperation(context))->Begin();
}

void List(const OperationContext& context) {
  (new ListOperation(context))->Begin(context.request.args);
}

constexpr Composition kCompositions[] = {
    {.full_name = "function|delete", .always = Delete, .suits_lone_shard = DeletesNoRecord},
    {.full_name = "function|dump", .always = Start<DumpOperation>},
    {.full_name = "function|flush", .always = Start<FlushOperation>},
    {.full_name = "function|list", .always = List},
    {.full_name = "function|load", .always = Load, .suits_lone_shard = LoadsNoRecord},
    {.full_name = "function|restore", .always = Restore},
    {.full_name = "function|stats", .always = Start<StatsOperation>, .suits_lone_shard = Always},
};

}  // namespace

std::span<const Composition> FunctionCompositions() { return kCompositions; }

}  // namespace slotway::proxy
