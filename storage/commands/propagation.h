// SPDX-License-Identifier: Apache-2.0
// The stream of changes: what those get who repeat them, the append-only file and replicas.
//
// A command that changed data is repeated as it came, unless it says itself what has the same
// effect elsewhere and later (CommandContext::PropagateAs): what was chosen by lot is named, a time
// to live is the moment of its end. What one request changes - all of a transaction or script, and
// the keys it found to be due - is one unit: where it is several commands they stand between MULTI
// and EXEC. Keys that go between requests are units of their own. The texts are Redis's, so that
// its replicas and ours can hear either. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::storage {

// Who is to repeat a command; bits.
enum class Audience : std::uint8_t { kNobody = 0, kFile = 1, kReplicas = 2, kAll = 3 };

// One that takes the stream.
class ChangeFeed {
 public:
  explicit ChangeFeed(Audience audience) : audience_(audience) {}
  virtual ~ChangeFeed() = default;

  // Takes whole commands, each an array of bulks.
  virtual void Append(std::string_view commands) = 0;
  // What comes next begins with a SELECT: to be called where a new reader begins.
  void SelectAnew() { selected_db_ = kNone; }
  // The database that its last command was for.
  int SelectedDb() const { return selected_db_ == kNone ? 0 : selected_db_; }

 private:
  friend class Propagation;
  static constexpr int kNone = -1;

  Audience audience_;
  int selected_db_ = kNone;
};

class Propagation {
 public:
  // Feeds are the caller's, and leave before they end.
  void AddFeed(ChangeFeed& feed) { feeds_.push_back(&feed); }
  void RemoveFeed(ChangeFeed& feed) { std::erase(feeds_, &feed); }
  bool IsOn() const { return !feeds_.empty() && !is_suspended_; }
  // What is loaded is not repeated: those who follow have it, or get it otherwise.
  void Suspend(bool is_suspended) { is_suspended_ = is_suspended; }

  // Of what commands add from now on only these hear: redis.set_repl().
  void Limit(Audience audience) { limit_ = audience; }
  // Adds to the unit that is open. REQUIRES: IsOn().
  void Add(int db_index, std::span<const std::string_view> args, Audience audience);
  // DEL or UNLINK of a key that nobody asked to delete.
  void AddDeletion(int db_index, std::string_view key, bool is_lazy);

  bool HasUnit() const { return !parts_.empty(); }
  // Hands it out: together, what one request did.
  void EndUnit() { HandOut(true); }
  // Hands out what was added as units of their own.
  void EndUnits() { HandOut(false); }

 private:
  struct Part {
    int db_index;
    Audience audience;
    std::size_t end;  // in bytes_
  };

  void AddPart(int db_index, std::span<const std::string_view> args, Audience audience);
  void HandOut(bool is_one_unit);
  void HandOutTo(ChangeFeed& feed, bool is_one_unit);

  std::vector<ChangeFeed*> feeds_;
  bool is_suspended_ = false;
  Audience limit_ = Audience::kAll;
  std::vector<Part> parts_;
  std::string bytes_;
  std::string handed_out_;  // reused
};

}  // namespace slotway::storage
