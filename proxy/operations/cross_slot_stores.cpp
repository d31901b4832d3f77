// SPDX-License-Identifier: Apache-2.0
// Commands that read keys of several slots and write one: the foreign keys are copied next to the
// written one (DUMP, RESTORE under other names), the command runs there as it is, and the copies go.
//
// So every type and option behaves exactly as in one slot; the price is the keys' bytes. Each source
// is read at one moment, the sources at moments a little apart; the write is atomic. The copies have
// a time to live, so that nothing stays behind whatever happens to the proxy. LCS reads only, but
// by the same way: it needs cross_slot: all.
#include <algorithm>
#include <map>
#include <optional>

#include "protocol/error_text.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/cross_slot.h"
#include "proxy/operations/sort_request.h"

namespace slotway::proxy {
namespace {

using protocol::KeyFlag;
using protocol::Slot;

class GatheredCommand final : public CrossSlotOperation {
 public:
  using CrossSlotOperation::CrossSlotOperation;

  void Begin() {
    if (!ChooseSlot()) return FinishWithError(protocol::error_text::kCrossSlot);
    std::string prefix = NewName(slot_) + ":";
    for (std::string& key : DistinctKeys()) {
      if (Dispatch().SlotOf(key) == slot_) continue;
      copies_.push_back({std::move(key), prefix + std::to_string(copies_.size()), {}, false});
    }
    std::vector<std::string> foreign;
    for (const Copy& copy : copies_) foreign.push_back(copy.key);
    CheckFirst(foreign, false);
  }

 private:
  enum class Step : std::uint8_t { kDump, kRestore, kRun, kTidyUp };

  struct Copy {
    std::string key, name;
    std::string payload;  // until it has been restored
    bool exists;
  };

  // That of the key that is written, else of the first. False if several slots are written.
  bool ChooseSlot() {
    std::optional<Slot> written;
    for (std::size_t i = 0; i < Keys().size(); ++i) {
      bool is_written = Keys()[i].flags.Has(KeyFlag::kOverwrite) ||
                        Keys()[i].flags.Has(KeyFlag::kReadWrite) ||
                        Keys()[i].flags.Has(KeyFlag::kRemove);
      if (!is_written) continue;
      Slot slot = Dispatch().SlotOf(KeyAt(i));
      if (written && *written != slot) return false;
      written = slot;
    }
    slot_ = written.value_or(Dispatch().SlotOf(KeyAt(0)));
    return true;
  }

  void Proceed() override {
    step_ = Step::kDump;
    left_ = copies_.size();
    // The last answer may bring the next step while it is sent.
    std::vector<Copy> copies = copies_;
    for (std::size_t i = 0; i < copies.size(); ++i) {
      Ask(kFirstPart + i, {"DUMP", copies[i].key}, copies[i].key, true);
    }
  }

  void TakeReply(std::size_t part, std::string_view reply) override {
    switch (step_) {
      case Step::kDump:
        return TakeDump(part, reply);
      case Step::kRestore:
        if (reply.starts_with('-') && reply_.empty()) reply_ = reply;
        if (--left_ > 0) return;
        return reply_.empty() ? Run() : TidyUp();
      case Step::kRun:
        reply_ = reply;
        return TidyUp();
      case Step::kTidyUp:
        // Whether it went well or not: the copies' time is short.
        Finish(std::string(reply_));
    }
  }

  void TakeDump(std::size_t part, std::string_view reply) {
    if (reply.starts_with('-') && reply_.empty()) reply_ = reply;
    auto payload = BulkOf(reply);
    copies_[part].exists = payload.has_value();
    if (payload && HasRoomFor(payload->size())) copies_[part].payload = std::move(*payload);
    if (--left_ > 0) return;
    if (!reply_.empty()) return Finish(std::string(reply_));
    if (CountBytes()) Restore();
  }

  // Sending it twice does no harm: nobody else knows the names.
  void Restore() {
    step_ = Step::kRestore;
    std::vector<std::vector<std::string>> requests;
    for (Copy& copy : copies_) {
      if (!copy.exists) continue;
      requests.push_back({"RESTORE", copy.name, std::to_string(CopyTimeToLiveMs()),
                          std::move(copy.payload), "REPLACE"});
      copy.payload.clear();
    }
    left_ = requests.size();
    if (left_ == 0) return Run();
    Slot slot = slot_;
    for (std::size_t i = 0; i < requests.size(); ++i) Send(slot, requests[i], kFirstPart + i, true);
  }

  void Run() {
    step_ = Step::kRun;
    Send(slot_, WithKeys([&](const std::string& key) {
           for (const Copy& copy : copies_) {
             if (copy.key == key) return copy.name;
           }
           return key;
         }),
         kFirstPart, false);
  }

  void TidyUp() {
    step_ = Step::kTidyUp;
    std::vector<std::string> request = {"UNLINK"};
    for (const Copy& copy : copies_) {
      if (copy.exists) request.push_back(copy.name);
    }
    if (request.size() == 1) return Finish(std::string(reply_));
    Send(slot_, request, kFirstPart, true);
  }

  Slot slot_{0};
  std::vector<Copy> copies_;
  Step step_ = Step::kDump;
  std::size_t left_ = 0;
  std::string reply_;  // for the client
};

void StartGathered(const OperationContext& context) { (new GatheredCommand(context))->Begin(); }

constexpr Composition kCompositions[] = {
    {.full_name = "bitop", .across_slots = StartGathered},
    {.full_name = "georadius", .across_slots = StartGathered},
    {.full_name = "georadiusbymember", .across_slots = StartGathered},
    {.full_name = "geosearchstore", .across_slots = StartGathered},
    {.full_name = "lcs", .across_slots = StartGathered, .across_slots_writes = true},
    {.full_name = "pfmerge", .across_slots = StartGathered},
    {.full_name = "sdiffstore", .across_slots = StartGathered},
    {.full_name = "sinterstore", .across_slots = StartGathered},
    {.full_name = "sort",
     .across_slots = StartGathered,
     .reads_more = HasSortPatterns,
     .when_reading_more = StartPatternSort},
    {.full_name = "sunionstore", .across_slots = StartGathered},
    {.full_name = "zdiffstore", .across_slots = StartGathered},
    {.full_name = "zinterstore", .across_slots = StartGathered},
    {.full_name = "zrangestore", .across_slots = StartGathered},
    {.full_name = "zunionstore", .across_slots = StartGathered},
};

}  // namespace

std::span<const Composition> CrossSlotStores() { return kCompositions; }

}  // namespace slotway::proxy
