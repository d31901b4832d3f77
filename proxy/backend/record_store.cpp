// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/record_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/log.h"

namespace slotway::proxy {
namespace {

using protocol::RecordMark;
using protocol::RespValue;

constexpr std::uint64_t kLookEveryMs = 250;
constexpr std::uint64_t kLookEveryMsInVain = 10000;  // while the backend will not keep it
constexpr std::uint64_t kStepMs = 500;
constexpr std::uint64_t kSilentMs = 2000;
constexpr std::uint64_t kYieldMsMax = 20;  // before a change that came second is tried again
constexpr std::uint64_t kAgainMs = 100;    // before what could not be loaded is tried again
constexpr std::uint64_t kChangeMs = 8000;
constexpr std::size_t kPendingMax = 1000;
constexpr std::size_t kNameDigits = 16;
constexpr std::size_t kTextBytesMax = 1024 * 1024;

bool IsNewer(const RecordMark& mark, const RecordMark& than) {
  return mark.version > than.version || (mark.version == than.version && mark != than);
}

// Not now, but perhaps soon.
bool IsPassing(const RespValue& error) {
  for (std::string_view code : {"LOADING ", "MASTERDOWN ", "BUSY ", "READONLY ", "CLUSTERDOWN "}) {
    if (error.text.starts_with(code)) return true;
  }
  return false;
}

bool SaysThatItExists(const RespValue& error) {
  return error.text.find("already exists") != std::string::npos;
}

}  // namespace

RecordStore::RecordStore(runtime::EventLoop& loop, const config::BackendConfig& settings,
                         bool is_shared, OnText on_text)
    : loop_(loop), settings_(settings), is_shared_(is_shared), on_text_(std::move(on_text)),
      rest_timer_(loop), step_timer_(loop),
      random_(runtime::SystemEntropy()), id_(random_.HexId(kNameDigits)), is_known_(!is_shared) {
  if (is_shared_) Rest(0);
}

void RecordStore::UpdateTopology(const protocol::Topology& topology) {
  if (!is_shared_) return;
  std::vector<RecordNode*> masters;
  std::set<std::string> addresses;
  for (const std::uint16_t index : topology.owner_of_slot) {
    if (index == protocol::kNoNode) continue;
    const protocol::Endpoint& endpoint = topology.nodes[index].endpoint;
    const auto address = runtime::SocketAddress::FromNumeric(endpoint.host, endpoint.port);
    if (!address || !addresses.insert(address->ToString()).second) continue;
    auto& node = nodes_[address->ToString()];
    if (node == nullptr) {
      node = std::make_unique<RecordNode>(loop_, *address, [this] {
        return LoginOf(settings_);
      });
    }
    masters.push_back(node.get());
  }
  if (masters == masters_) return;
  std::erase_if(nodes_, [&](const auto& entry) { return !addresses.contains(entry.first); });
  masters_ = std::move(masters);
  Rest(0);
}

void RecordStore::ApplySettings() {
  if (!is_shared_) return;
  masters_.clear();
  nodes_.clear();  // with their logins
  Rest(0);
}

void RecordStore::Change(Edit edit, Done done) {
  if (pending_.size() >= kPendingMax) return done("too many changes of users at once");
  pending_.push_back({std::move(edit), std::move(done), loop_.NowMs() + kChangeMs});
  if (!is_shared_ || is_kept_here_) return MakeHere();
  if (rest_timer_.IsActive()) Rest(0);
}

std::string RecordStore::Library() const {
  return is_shared_ && !is_kept_here_ && current_.version > 0
             ? protocol::RecordLibrary(current_.version, record_.Stored())
             : "";
}

// ---- Steps: a question to some masters, and what comes when all have answered or time is up ----

std::vector<std::size_t> RecordStore::AllMasters() const {
  std::vector<std::size_t> all(masters_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

void RecordStore::Ask(const std::vector<std::size_t>& masters, Args args, TakeAnswer take,
                      std::function<void()> next) {
  rest_timer_.Stop();
  next_ = std::move(next);
  unanswered_ = masters.size();
  const std::uint64_t step = ++step_;
  step_timer_.Start(masters.empty() ? 0 : kStepMs, 0, [this] { EndStep(); });
  for (const std::size_t master : masters) {
    masters_[master]->DropIfSilent(kSilentMs);
    masters_[master]->Ask(args, [this, step, master, take](const RespValue* answer) {
      if (step != step_) return;  // too late
      if (answer != nullptr) take(master, *answer);
      if (--unanswered_ == 0) step_timer_.Start(0, 0, [this] { EndStep(); });
    });
  }
}

void RecordStore::EndStep() {
  ++step_;
  step_timer_.Stop();
  std::exchange(next_, nullptr)();
}

// Nothing is under way until then; whatever was is given up.
void RecordStore::Rest(std::uint64_t ms) {
  ++step_;
  step_timer_.Stop();
  FailOverdue();
  rest_timer_.Start(ms, 0, [this] { Look(); });
}

// ---- Looking ----

void RecordStore::Look() {
  seen_.assign(masters_.size(), {});
  refusal_.clear();
  Ask(AllMasters(), {"FUNCTION", "LIST", "LIBRARYNAME", protocol::kRecordLibraries},
      [this](std::size_t master, const RespValue& answer) { TakeLook(master, answer); },
      [this] { Judge(); });
}

void RecordStore::TakeLook(std::size_t master, const RespValue& answer) {
  if (answer.IsError()) {
    if (!IsPassing(answer)) refusal_ = answer.text;
    return;
  }
  seen_[master] = {true, protocol::RecordsIn(answer)};
}

void RecordStore::Judge() {
  if (!HasMajority(seen_)) return refusal_.empty() ? Rest(kLookEveryMs) : KeepHere();
  is_kept_here_ = false;
  leading_ = LeadingRecord(seen_);
  const bool is_own = proposal_ && leading_ == proposal_->mark;
  if (leading_ && !is_own && IsNewer(*leading_, current_)) return Fetch(*leading_);
  if (!std::exchange(is_known_, true)) on_text_(record_.text);
  Act();
}

void RecordStore::Fetch(const RecordMark& mark) {
  const auto holder = std::find_if(seen_.begin(), seen_.end(),
                                   [&](const MasterRecords& master) { return master.Has(mark); });
  const std::string name = protocol::RecordLibraryName(mark.version);
  Ask({static_cast<std::size_t>(holder - seen_.begin())},
      {"FUNCTION", "LIST", "LIBRARYNAME", name, "WITHCODE"},
      [this, mark](std::size_t, const RespValue& answer) {
        if (const auto stored = protocol::RecordTextIn(answer, mark)) {
          Adopt(mark, RecordText::Parse(*stored));
        }
      },
      [this, mark] { current_ == mark ? Act() : Rest(kLookEveryMs); });
}

void RecordStore::Adopt(const RecordMark& mark, RecordText record) {
  current_ = mark;
  record_ = std::move(record);
  is_known_ = true;
  on_text_(record_.text);
}

// ---- Changing ----

void RecordStore::Act() {
  if (proposal_) {
    const bool is_own = leading_ == proposal_->mark;
    if (is_own || (leading_ == current_ && record_.Contains(proposal_->name))) {
      if (HoldersOf(*leading_, seen_) * 2 > masters_.size()) return Win();
      return is_own ? Spread(proposal_->mark, proposal_->record) : Spread(current_, record_);
    }
    // It may be at a master that does not answer now, and turn up again.
    attempts_.push_back({proposal_->name, proposal_->changes});
    proposal_.reset();
  }
  if (const std::size_t made = MadeByAttempts(); made > 0) {
    if (HoldersOf(current_, seen_) * 2 <= masters_.size()) return Spread(current_, record_);
    EndChanges(made, std::nullopt);
  }
  FailOverdue();
  if (!pending_.empty()) return Propose();
  Repair();
  Rest(kLookEveryMs);
}

// How many of the pending changes an earlier attempt has made after all.
std::size_t RecordStore::MadeByAttempts() const {
  std::size_t made = 0;
  for (const Attempt& attempt : attempts_) {
    if (leading_ == current_ && record_.Contains(attempt.name)) {
      made = std::max(made, attempt.changes);
    }
  }
  return made;
}

// What the pending changes make of the text, as far as the first `changes` of them go. Those that
// cannot be made are told so. Nothing if there is nothing to change.
std::optional<std::string> RecordStore::EditAll(std::size_t& changes) {
  std::string text = record_.text;
  std::deque<PendingChange> kept;
  std::vector<std::pair<Done, std::optional<std::string>>> over;
  for (PendingChange& change : pending_) {
    auto edited = change.edit(text);
    if (edited && edited->size() > kTextBytesMax) {
      edited = tl::unexpected<std::string>("more than 1 MB of users cannot be shared");
    }
    if (!edited) {
      over.emplace_back(std::move(change.done), edited.error());
      continue;
    }
    text = *std::move(edited);
    kept.push_back(std::move(change));
  }
  // Attempts count from the first change that is pending.
  if (kept.size() < pending_.size() || text == record_.text) attempts_.clear();
  pending_ = std::move(kept);
  changes = pending_.size();
  if (text == record_.text) {
    for (PendingChange& change : std::exchange(pending_, {})) {
      over.emplace_back(std::move(change.done), std::nullopt);
    }
  }
  for (const auto& [done, error] : over) done(error);
  if (text == record_.text) return std::nullopt;
  return text;
}

std::string RecordStore::NextName() { return id_ + "." + std::to_string(++named_); }

void RecordStore::Propose() {
  if (!seen_[0].has_answered) return Rest(kLookEveryMs);
  std::size_t changes = 0;
  auto text = EditAll(changes);
  if (!text) return Rest(kLookEveryMs);
  std::string name = NextName();
  RecordText record = record_.Followed(name, *std::move(text));
  const RecordMark mark = protocol::MarkOf(current_.version + 1, record.Stored());
  proposal_ = {std::move(name), mark, std::move(record), changes};
  spreads_ = 0;
  LoadFirst();
}

void RecordStore::LoadFirst() {
  const std::string library =
      protocol::RecordLibrary(proposal_->mark.version, proposal_->record.Stored());
  Ask({0}, {"FUNCTION", "LOAD", library},
      [this](std::size_t, const RespValue& answer) {
        if (!answer.IsError()) return seen_[0].records.push_back(proposal_->mark);
        if (IsPassing(answer)) return;
        const std::size_t changes = proposal_->changes;
        proposal_.reset();
        if (!SaysThatItExists(answer)) EndChanges(changes, answer.text);
      },
      [this] {
        if (!proposal_) return Rest(random_.Below(kYieldMsMax));
        if (!seen_[0].Has(proposal_->mark)) return Rest(kAgainMs);
        Spread(proposal_->mark, proposal_->record);
      });
}

void RecordStore::Spread(const RecordMark& mark, const RecordText& record) {
  std::vector<std::size_t> lacking;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i].has_answered && !seen_[i].Has(mark)) lacking.push_back(i);
  }
  const std::string library = protocol::RecordLibrary(mark.version, record.Stored());
  Ask(lacking, {"FUNCTION", "LOAD", library}, [](std::size_t, const RespValue&) {},
      [this] { Rest(spreads_++ == 0 ? 0 : kAgainMs); });
}

void RecordStore::Win() {
  const Proposal won = *std::exchange(proposal_, std::nullopt);
  if (leading_ == won.mark) Adopt(won.mark, won.record);
  EndChanges(won.changes, std::nullopt);
  for (std::size_t i = 0; i < masters_.size(); ++i) DeleteOlder(i);
  pending_.empty() ? Rest(kLookEveryMs) : Propose();
}

void RecordStore::EndChanges(std::size_t changes, const std::optional<std::string>& error) {
  attempts_.clear();
  for (std::size_t i = 0; i < changes; ++i) {
    const Done done = std::move(pending_.front().done);
    pending_.pop_front();
    done(error);
  }
}

void RecordStore::FailOverdue() {
  constexpr std::string_view kSilence = "too few of the masters that keep the users answer";
  auto is_overdue = [this] {
    return !pending_.empty() && pending_.front().deadline_ms <= loop_.NowMs();
  };
  std::size_t tried = proposal_ ? proposal_->changes : 0;
  for (const Attempt& attempt : attempts_) tried = std::max(tried, attempt.changes);
  if (tried > 0 && is_overdue()) {
    proposal_.reset();
    EndChanges(tried, std::string(kSilence) + ": it may or may not have been changed");
    tried = 0;
  }
  while (tried == 0 && is_overdue()) EndChanges(1, std::string(kSilence) + ": nothing was changed");
}

// ---- Masters that lack it ----

void RecordStore::DeleteOlder(std::size_t master) {
  for (const RecordMark& mark : seen_[master].records) {
    if (mark.version >= current_.version) continue;
    const std::string name = protocol::RecordLibraryName(mark.version);
    masters_[master]->Ask({"FUNCTION", "DELETE", name}, [](const RespValue*) {});
  }
}

void RecordStore::Repair() {
  if (current_.version == 0) return;
  const bool has_majority = HoldersOf(current_, seen_) * 2 > masters_.size();
  bool is_contested = false;
  for (std::size_t i = 0; i < masters_.size(); ++i) {
    if (!seen_[i].has_answered) continue;
    if (has_majority) DeleteOlder(i);
    if (seen_[i].Has(current_)) continue;
    const bool has_other = std::any_of(
        seen_[i].records.begin(), seen_[i].records.end(),
        [&](const RecordMark& mark) { return mark.version == current_.version; });
    is_contested = is_contested || has_other;
    // Who is about to make it may need a moment.
    if (has_other && contested_ != current_) continue;
    runtime::LogInfo("the users that proxies share are brought to {}",
                     masters_[i]->Address().ToString());
    const std::string library = Library();
    if (has_other) {
      masters_[i]->Ask({"FUNCTION", "LOAD", "REPLACE", library}, [](const RespValue*) {});
    } else {
      masters_[i]->Ask({"FUNCTION", "LOAD", library}, [](const RespValue*) {});
    }
  }
  contested_ = is_contested ? std::optional(current_) : std::nullopt;
}

// ---- A backend that is no place for it ----

void RecordStore::KeepHere() {
  if (!std::exchange(is_kept_here_, true)) {
    runtime::LogWarning("changes of users hold on this proxy only: the backend says '{}'",
                        refusal_);
  }
  if (!std::exchange(is_known_, true)) on_text_(record_.text);
  MakeHere();
  Rest(kLookEveryMsInVain);
}

void RecordStore::MakeHere() {
  proposal_.reset();
  std::size_t changes = 0;
  auto text = EditAll(changes);
  if (!text) return;
  RecordText record = record_.Followed(NextName(), *std::move(text));
  Adopt(protocol::MarkOf(current_.version + 1, record.Stored()), record);
  EndChanges(changes, std::nullopt);
}

}  // namespace slotway::proxy
