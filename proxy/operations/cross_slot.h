// SPDX-License-Identifier: Apache-2.0
// The base of commands over keys of several slots that the proxy carries out by itself.
//
// It knows the request's keys and keeps what is gathered within routing.cross_slot_bytes_max: the
// sizes are asked for before anything is fetched. Whether the words besides the keys are right, a
// shard says: it is asked the same with keys that do not exist. Belongs to its worker's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

class CrossSlotOperation : public Operation {
 public:
  explicit CrossSlotOperation(const OperationContext& context);

  void OnReply(std::size_t part, std::string_view reply) final;

 protected:
  // Parts for derived classes begin here.
  static constexpr std::size_t kFirstPart = 1'000'000;

  // Calls Proceed() when the keys (those of `keys` that are wanted) fit and, with `probes_syntax`, a
  // shard found nothing wrong; otherwise ends the operation.
  void CheckFirst(const std::vector<std::string>& keys, bool probes_syntax);
  virtual void Proceed() = 0;
  // The words besides the keys are wrong; `reply` is what Redis says of them.
  virtual void OnWrongWords(std::string reply) { Finish(std::move(reply)); }
  // The reply to a part of the derived class, counted from 0.
  virtual void TakeReply(std::size_t part, std::string_view reply) = 0;
  // Sends to the owner of `key`.
  void Ask(std::size_t part, const std::vector<std::string>& args, std::string_view key,
           bool is_readonly);

  const std::vector<std::string>& Args() const { return args_; }
  const std::vector<protocol::KeyPosition>& Keys() const { return keys_; }
  const std::string& KeyAt(std::size_t i) const { return args_[keys_[i].index]; }
  // The request's keys in their order, each once.
  std::vector<std::string> DistinctKeys() const;
  // The request with other keys: name_of(key) for each.
  template <class NameOf>
  std::vector<std::string> WithKeys(NameOf name_of) const {
    std::vector<std::string> args = args_;
    for (const protocol::KeyPosition& key : keys_) args[key.index] = name_of(args_[key.index]);
    return args;
  }
  // A name in this slot that nobody else has, for what is copied there for a while.
  static std::string NewName(protocol::Slot slot);
  // How long such a copy may stay: longer than the steps can take, each of which may be held.
  std::uint64_t CopyTimeToLiveMs() const;
  // Counts what was fetched. False if it is too much by now: then nothing of it is to be kept.
  bool HasRoomFor(std::size_t bytes);
  // False, and the operation has ended, if it was too much, or is with these.
  bool CountBytes(std::size_t bytes = 0);

 private:
  enum Part : std::size_t { kProbe = 0, kFirstSize = 1 };

  std::vector<std::string> args_;
  std::vector<protocol::KeyPosition> keys_;
  std::uint64_t bytes_ = 0;
  std::size_t checks_left_ = 0;
  std::string probe_error_;
};

// What a bulk reply holds; nothing if it is another reply or null.
std::optional<std::string> BulkOf(std::string_view reply);

}  // namespace slotway::proxy
