// SPDX-License-Identifier: Apache-2.0
// Keeps a text on the masters of the backend that all proxies before it share, and changes it so
// that no change of another proxy is lost.
//
// The text is a library of functions (protocol/shared_record): in no keyspace, in every snapshot,
// log and replica, and loading a version that exists fails. A change is made in four steps:
//   1. look       what do the masters have? More than half must answer.
//   2. load       the next version at the first master, by slots. Who comes second is told, and
//                 begins anew with what the other made.
//   3. spread     the same to all other masters.
//   4. look again: done, if more than half have it and none has a newer one without it.
// Versions that more than half have a successor of are deleted. All proxies look several times a
// second and bring the newest version to masters that lack it: new ones, and those that came back
// without their data. A backend without functions, or one that does not allow them, is no place for
// it: then the text is this process's own. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/backend/record_ballot.h"
#include "proxy/backend/record_node.h"
#include "proxy/backend/record_text.h"
#include "runtime/event_loop.h"
#include "runtime/random.h"

namespace slotway::proxy {

class RecordStore {
 public:
  // The text, when it is known first and whenever it has changed.
  using OnText = std::function<void(const std::string& text)>;
  // Makes a new text, or an error without its code; may be called several times.
  using Edit = std::function<tl::expected<std::string, std::string>(const std::string& text)>;
  // Called once, after OnText. An error says why, without its code.
  using Done = std::function<void(std::optional<std::string> error)>;

  // Not `is_shared`: the text stays in here from the beginning.
  RecordStore(runtime::EventLoop& loop, const config::BackendConfig& settings, bool is_shared,
              OnText on_text);

  void UpdateTopology(const protocol::Topology& topology);
  // The login was replaced.
  void ApplySettings();
  // Given up after some seconds in which the masters do not answer.
  void Change(Edit edit, Done done);

  // Whether the text is the one that the proxies share, as far as the backend can keep it.
  bool IsKnown() const { return is_known_; }
  // As a library, for who has to load it together with something else; empty if there is none.
  std::string Library() const;

 private:
  struct PendingChange {
    Edit edit;
    Done done;
    std::uint64_t deadline_ms;
  };
  struct Proposal {
    std::string name;
    protocol::RecordMark mark;
    RecordText record;
    std::size_t changes;  // so many of the pending ones
  };
  struct Attempt {
    std::string name;
    std::size_t changes;
  };
  using Args = std::initializer_list<std::string_view>;
  using TakeAnswer = std::function<void(std::size_t master, const protocol::RespValue&)>;

  void Ask(const std::vector<std::size_t>& masters, Args args, TakeAnswer take,
           std::function<void()> next);
  void EndStep();
  std::vector<std::size_t> AllMasters() const;
  void Rest(std::uint64_t ms);

  void Look();
  void TakeLook(std::size_t master, const protocol::RespValue& answer);
  void Judge();
  void Fetch(const protocol::RecordMark& mark);
  void Adopt(const protocol::RecordMark& mark, RecordText record);
  void Act();
  std::string NextName();
  void Propose();
  std::size_t MadeByAttempts() const;
  std::optional<std::string> EditAll(std::size_t& changes);
  void LoadFirst();
  void Spread(const protocol::RecordMark& mark, const RecordText& record);
  void Win();
  void Repair();
  void DeleteOlder(std::size_t master);
  void FailOverdue();
  void EndChanges(std::size_t changes, const std::optional<std::string>& error);
  void KeepHere();
  void MakeHere();

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  bool is_shared_;
  OnText on_text_;
  std::map<std::string, std::unique_ptr<RecordNode>> nodes_;  // by address
  std::vector<RecordNode*> masters_;                          // by their first slots
  std::vector<MasterRecords> seen_;  // what each has
  std::optional<protocol::RecordMark> leading_, contested_;
  protocol::RecordMark current_;  // version 0: there is none
  RecordText record_;
  std::deque<PendingChange> pending_;
  std::optional<Proposal> proposal_;
  std::vector<Attempt> attempts_;  // earlier ones to make the pending changes; where they got is open
  int spreads_ = 0;                // of what is to be spread now
  std::string refusal_;  // why a master will not keep it; of the last look
  runtime::Timer rest_timer_;
  runtime::Timer step_timer_;
  runtime::Random random_;
  std::string id_;            // of this process, among the names of changes
  std::uint64_t named_ = 0;
  std::function<void()> next_;  // behind the step that is under way
  std::size_t unanswered_ = 0;
  std::uint64_t step_ = 0;
  bool is_known_ = false;
  bool is_kept_here_ = false;  // for want of a place
};

}  // namespace slotway::proxy
