// SPDX-License-Identifier: Apache-2.0
// A world for cluster buses: links that delay, lose, stall and break, processes that pause and die,
// clocks that drift and jump. Everything follows from one seed. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/random.h"
#include "tests/simulation/simulated_node.h"

namespace slotway::simulation {

struct WorldOptions {
  std::uint64_t seed = 1;
  int masters = 3;
  int replicas_of_each = 1;
  int spare_nodes = 0;  // members without slots or a master
  std::int64_t node_timeout_ms = 1000;
  bool keeps_data = true;       // over the end of a process
  bool forms_itself = false;    // from nodes that know nobody, by cluster::Formation
  bool must_keep_data = false;  // whatever the faults are, some node of a shard keeps them
};

class SimulatedCluster {
 public:
  explicit SimulatedCluster(const WorldOptions& options);
  ~SimulatedCluster();

  // Lets so much time pass.
  void Run(std::int64_t for_ms);
  // Everybody is up, knows everybody and agrees on the owner of each slot, which serves. Else what
  // is wrong.
  std::string WhatIsNotConverged();
  // Empty, or the first invariant that did not hold.
  const std::string& Violation() const { return violation_; }

  // ---- Faults
  void DoSomethingBad();
  // Several things at once around one shard, so that elections, claims and restarts race.
  void StrikeShard();
  // Tells two spare nodes to follow each other, before either has heard of the other.
  void MakeCycle();
  // A master whose replica has its data ends, and is started again a moment later.
  void RestartAMaster();
  void MakeLinksBad();
  // All end at once, and come back under other addresses.
  void MoveAll();
  void EndFaults();

  // ---- For tests that say what happens themselves
  SimulatedNode& Node(int number) { return *nodes_[static_cast<std::size_t>(number)]; }
  void SetCut(int a, int b, bool is_cut);
  void FailOver(SimulatedNode& replica, storage::cluster::FailoverKind kind);

  // ---- For nodes
  std::int64_t TimeUs() const { return time_us_; }
  runtime::Random& Chance() { return random_; }
  storage::cluster::LinkId Connect(SimulatedNode& from, const std::string& ip);
  void Send(SimulatedNode& from, storage::cluster::LinkId link,
            const storage::cluster::BusMessage& message);
  void Close(storage::cluster::LinkId end);
  void AfterDisk(const SimulatedNode& node, std::function<void()> run);
  void AskToTakeOver(SimulatedNode& from, const std::string& ip, bool is_forced);
  std::uint64_t NextData() { return ++last_data_; }
  void NoteLoss(SimulatedNode& replica, SimulatedNode& master);
  void NoteVote(SimulatedNode& voter, const storage::cluster::BusMessage& vote);
  void NoteSave(SimulatedNode& node);
  SimulatedNode* NodeAt(const std::string& ip);
  // What a name server would say of this cluster's nodes.
  std::vector<std::string> Addresses() const;
  bool AreConnected(const SimulatedNode& a, const SimulatedNode& b) const;
  const WorldOptions& Options() const { return options_; }
  std::uint64_t Votes() const { return votes_.size(); }
  std::uint64_t Events() const { return events_; }

 private:
  struct Event {
    std::int64_t at_us;
    std::uint64_t order;
    int node;         // whose; waits while that is paused; -1: the world's
    int incarnation;  // of the process; of another one it is not for
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return at_us != other.at_us ? at_us > other.at_us : order > other.order;
    }
  };
  // One end of a link.
  struct End {
    storage::cluster::LinkId other;
    int node;
    int incarnation;
    std::int64_t last_arrival_us = 0;  // at this end: what is sent later arrives later
  };

  void At(std::int64_t at_us, const SimulatedNode* node, std::function<void()> run);
  std::int64_t Delay();
  void TickNode(SimulatedNode& node);
  void Break(storage::cluster::LinkId end, bool tells_other);
  void FormByHand();
  void Settle();  // until all is well, or ten node timeouts
  void Part(SimulatedNode& node, std::int64_t until_us);
  void CutSomePairs(std::int64_t until_us);
  void Cut(const SimulatedNode& a, const SimulatedNode& b);
  void StrikeMaster(SimulatedNode& master);
  void StrikeReplicas(const std::vector<SimulatedNode*>& replicas);
  void FailOver(SimulatedNode& replica);
  void DieSoon(SimulatedNode& node, std::int64_t within_us, std::int64_t down_us_max);
  std::int64_t SoonUs(std::int64_t ms_max);
  bool IsParted() const;
  void Kill(SimulatedNode& node);
  void Restart(SimulatedNode& node);
  void Push(Event event);
  void NoteServing(SimulatedNode& node);
  void Audit();
  void CheckApart(SimulatedNode& a, SimulatedNode& b);
  void Fail(const std::string& what);
  SimulatedNode& RandomNode();

  WorldOptions options_;
  runtime::Random random_;
  std::int64_t time_us_ = 0;
  std::uint64_t next_order_ = 0;
  std::uint64_t next_link_ = 1;
  std::uint64_t events_ = 0;
  std::uint64_t last_data_ = 0;
  std::vector<Event> queue_;  // a heap
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::unordered_map<storage::cluster::LinkId, End> ends_;
  std::vector<int> side_;  // nodes of different sides do not reach each other
  std::vector<bool> cut_;  // of each two nodes: these do not, whoever else reaches both
  std::set<std::pair<int, std::uint64_t>> votes_;  // node and epoch
  bool is_slow_ = false;
  bool is_lossy_ = false;
  bool is_deadly_ = false;                              // to vote, or to write to the disk
  std::vector<std::pair<int, std::uint64_t>> audited_;  // who served what, the last time
  std::string violation_;
};

}  // namespace slotway::simulation
