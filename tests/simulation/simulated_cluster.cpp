// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/simulated_cluster.h"

#include <algorithm>
#include <cstdio>

namespace slotway::simulation {

using namespace storage::cluster;

namespace {

constexpr std::int64_t kMsUs = 1000;
constexpr std::int64_t kTickUs = 100 * kMsUs;
constexpr std::int64_t kAuditUs = 5 * kMsUs;

}  // namespace

SimulatedCluster::SimulatedCluster(const WorldOptions& options)
    : options_(options), random_(options.seed * 0x9e3779b97f4a7c15u + 1) {
  const int count = options_.masters * (1 + options_.replicas_of_each) + options_.spare_nodes;
  side_.assign(static_cast<std::size_t>(count), 0);
  cut_.assign(side_.size() * side_.size(), false);
  for (int i = 0; i < count; ++i) {
    auto node = std::make_unique<SimulatedNode>(*this, i);
    const bool is_master = i < options_.masters && !options_.forms_itself;
    const int slots = protocol::kSlotCount;
    node->Create(is_master ? slots * i / options_.masters : 0,
                 is_master ? slots * (i + 1) / options_.masters : 0);
    nodes_.push_back(std::move(node));
  }
  for (auto& node : nodes_) Restart(*node);
  At(kAuditUs, nullptr, [this] { Audit(); });
  if (!options_.forms_itself) FormByHand();
}

void SimulatedCluster::FormByHand() {
  const int count = static_cast<int>(nodes_.size());
  for (int i = 1; i < count; ++i) {
    nodes_[0]->Bus().Meet(nodes_[static_cast<std::size_t>(i)]->Ip(), 6379, 16379);
  }
  Settle();
  for (int i = options_.masters; i < count - options_.spare_nodes; ++i) {
    SimulatedNode& node = *nodes_[static_cast<std::size_t>(i)];
    SimulatedNode& master = *nodes_[static_cast<std::size_t>(i % options_.masters)];
    const std::string error = node.Bus().Replicate(master.State().Myself().id.Text());
    if (!error.empty()) Fail("cannot form: " + error);
    node.Bus().EndOfTurn();
  }
  Settle();
}

void SimulatedCluster::Settle() {
  for (int i = 0; i < 20; ++i) {
    Run(options_.node_timeout_ms / 2);
    if (WhatIsNotConverged().empty()) return Run(options_.node_timeout_ms);
  }
}

SimulatedCluster::~SimulatedCluster() = default;

void SimulatedCluster::Fail(const std::string& what) {
  if (violation_.empty()) {
    violation_ = "at " + std::to_string(time_us_ / 1000) + " ms: " + what;
  }
}

void SimulatedCluster::At(std::int64_t at_us, const SimulatedNode* node,
                          std::function<void()> run) {
  Push({at_us, next_order_++, node != nullptr ? node->Number() : -1,
        node != nullptr ? node->Incarnation() : 0, std::move(run)});
}

void SimulatedCluster::Push(Event event) {
  queue_.push_back(std::move(event));
  std::push_heap(queue_.begin(), queue_.end());
}

void SimulatedCluster::Run(std::int64_t for_ms) {
  const std::int64_t end_us = time_us_ + for_ms * kMsUs;
  while (!queue_.empty() && queue_.front().at_us <= end_us && violation_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end());
    Event event = std::move(queue_.back());
    queue_.pop_back();
    time_us_ = std::max(time_us_, event.at_us);
    if (event.node < 0) {
      event.run();
      continue;
    }
    SimulatedNode& node = *nodes_[static_cast<std::size_t>(event.node)];
    if (!node.IsRunning() || node.Incarnation() != event.incarnation) continue;
    if (node.IsPaused()) {
      event.at_us = node.paused_until_us;
      Push(std::move(event));
      continue;
    }
    ++events_;
    event.run();
    if (!node.IsRunning()) continue;
    node.Bus().EndOfTurn();
    NoteServing(node);
  }
  time_us_ = end_us;
}

std::int64_t SimulatedCluster::Delay() {
  auto delay_us = static_cast<std::int64_t>(100 + random_.Below(2000));
  if (is_slow_) delay_us += static_cast<std::int64_t>(random_.Below(150'000));
  if (is_lossy_ && random_.Below(20) == 0) delay_us += 200'000;  // sent again
  return delay_us;
}

void SimulatedCluster::AfterDisk(const SimulatedNode& node, std::function<void()> run) {
  auto delay_us = static_cast<std::int64_t>(200 + random_.Below(5000));
  const std::uint64_t slow_us = random_.Below(2) == 0 ? 300'000 : 3'000'000;
  if (node.is_disk_slow) delay_us += static_cast<std::int64_t>(random_.Below(slow_us));
  At(time_us_ + delay_us, &node, std::move(run));
}

void SimulatedCluster::TickNode(SimulatedNode& node) {
  node.Replicate();
  node.Form();
  node.Bus().CheckLease();
  node.Bus().Tick();
  At(time_us_ + kTickUs, &node, [this, &node] { TickNode(node); });
}

SimulatedNode* SimulatedCluster::NodeAt(const std::string& ip) {
  const std::size_t number = static_cast<std::size_t>(std::stoi(ip.substr(ip.rfind('.') + 1)));
  if (number < 1 || number > nodes_.size() || nodes_[number - 1]->Ip() != ip) return nullptr;
  return nodes_[number - 1].get();
}

std::vector<std::string> SimulatedCluster::Addresses() const {
  std::vector<std::string> addresses;
  for (const auto& node : nodes_) addresses.push_back(node->Ip());
  return addresses;
}

bool SimulatedCluster::AreConnected(const SimulatedNode& a, const SimulatedNode& b) const {
  const auto from = static_cast<std::size_t>(a.Number());
  const auto to = static_cast<std::size_t>(b.Number());
  return side_[from] == side_[to] && !cut_[from * side_.size() + to];
}

LinkId SimulatedCluster::Connect(SimulatedNode& from, const std::string& ip) {
  const auto near = LinkId(next_link_++);
  const auto far = LinkId(next_link_++);
  SimulatedNode* to = NodeAt(ip);
  At(time_us_ + Delay(), nullptr, [this, near, far, &from, to, inc = from.Incarnation()] {
    if (to == nullptr || !AreConnected(from, *to)) return;  // silence
    if (!from.IsRunning() || from.Incarnation() != inc) return;
    if (!to->IsRunning()) {
      At(time_us_ + Delay(), &from, [&from, near] { from.Bus().OnConnectFailed(near, true); });
      return;
    }
    ends_[near] = End{far, from.Number(), from.Incarnation()};
    ends_[far] = End{near, to->Number(), to->Incarnation()};
    At(time_us_, to, [to, far, &from] { to->Bus().OnAccepted(far, {to->Ip(), from.Ip()}); });
    const std::int64_t up_us = time_us_ + Delay();
    ends_[near].last_arrival_us = up_us;
    At(up_us, &from, [this, &from, to, near] {
      if (ends_.contains(near)) from.Bus().OnConnected(near, {from.Ip(), to->Ip()});
    });
  });
  return near;
}

void SimulatedCluster::Send(SimulatedNode& from, LinkId link, const BusMessage& message) {
  auto near = ends_.find(link);
  if (near == ends_.end()) return;
  auto far = ends_.find(near->second.other);
  if (far == ends_.end()) return;
  SimulatedNode& to = *nodes_[static_cast<std::size_t>(far->second.node)];
  if (!AreConnected(from, to)) return;
  if (is_lossy_ && random_.Below(500) == 0) {
    Break(link, true);
    return;
  }
  const std::int64_t at_us = std::max(time_us_ + Delay(), far->second.last_arrival_us + 1);
  far->second.last_arrival_us = at_us;
  const LinkId end = far->first;
  // shared: with the event, which is copied.
  auto sent = std::make_shared<const BusMessage>(message);
  At(at_us, &to, [this, &to, &from, end, sent] {
    if (ends_.contains(end) && AreConnected(from, to)) to.Bus().OnMessage(end, *sent);
  });
}

// Both ends learn of it, unless something keeps them apart.
void SimulatedCluster::Break(LinkId end, bool tells_other) {
  auto found = ends_.find(end);
  if (found == ends_.end()) return;
  const LinkId other = found->second.other;
  SimulatedNode& here = *nodes_[static_cast<std::size_t>(found->second.node)];
  auto far = ends_.find(other);
  At(time_us_, &here, [this, &here, end] {
    if (ends_.erase(end) != 0) here.Bus().OnClosed(end);
  });
  if (far == ends_.end() || !tells_other) return;
  SimulatedNode& there = *nodes_[static_cast<std::size_t>(far->second.node)];
  if (!AreConnected(here, there)) return;
  At(time_us_ + Delay(), &there, [this, &there, other] {
    if (ends_.erase(other) != 0) there.Bus().OnClosed(other);
  });
}

void SimulatedCluster::Close(LinkId end) {
  auto found = ends_.find(end);
  if (found == ends_.end()) return;
  const LinkId other = found->second.other;
  SimulatedNode& here = *nodes_[static_cast<std::size_t>(found->second.node)];
  ends_.erase(found);
  auto far = ends_.find(other);
  if (far == ends_.end()) return;
  SimulatedNode& there = *nodes_[static_cast<std::size_t>(far->second.node)];
  if (!AreConnected(here, there)) return;
  const std::int64_t at_us = std::max(time_us_ + Delay(), far->second.last_arrival_us + 1);
  At(at_us, &there, [this, &there, other] {
    if (ends_.erase(other) != 0) there.Bus().OnClosed(other);
  });
}

void SimulatedCluster::NoteVote(SimulatedNode& voter, const BusMessage& vote) {
  const std::uint64_t epoch = ToInt(vote.current_epoch);
  if (!votes_.emplace(voter.Number(), epoch).second) {
    Fail("node " + std::to_string(voter.Number()) + " votes twice in epoch " +
         std::to_string(epoch));
  }
  if (voter.Disk().LastVoteEpoch() < vote.current_epoch) {
    Fail("node " + std::to_string(voter.Number()) + " votes before the vote is on its disk");
  }
  if (is_deadly_ && random_.Below(2) == 0) DieSoon(voter, 20 * kMsUs, 100 * kMsUs);
}

void SimulatedCluster::NoteSave(SimulatedNode& node) {
  if (!is_deadly_ || random_.Below(8) != 0) return;
  DieSoon(node, 10 * kMsUs, 2 * options_.node_timeout_ms * kMsUs);
}

void SimulatedCluster::DieSoon(SimulatedNode& node, std::int64_t within_us,
                               std::int64_t down_us_max) {
  const auto at_us =
      time_us_ + static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(within_us)));
  const auto down_us =
      static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(down_us_max)));
  At(at_us, nullptr, [this, &node] { Kill(node); });
  At(at_us + down_us, nullptr, [this, &node] { Restart(node); });
}

// Serving begins with something that happens to a node, or when a pause of it ends: the first is
// looked at at once, the second now and then.
void SimulatedCluster::NoteServing(SimulatedNode& node) {
  if (!node.BeginsToServe()) return;
  for (auto& other : nodes_) {
    if (other.get() != &node && other->MayServeWrites()) CheckApart(node, *other);
  }
}

void SimulatedCluster::Audit() {
  At(time_us_ + kAuditUs, nullptr, [this] { Audit(); });
  std::vector<std::pair<int, std::uint64_t>> serving;
  for (auto& node : nodes_) {
    if (node->MayServeWrites()) serving.emplace_back(node->Number(), node->SlotsVersion());
  }
  if (serving == audited_) return;
  audited_ = serving;
  SlotBitmap served;
  for (const auto& [number, version] : audited_) {
    SimulatedNode& node = *nodes_[static_cast<std::size_t>(number)];
    if (!served.Meets(node.OwnSlots())) {
      served.Add(node.OwnSlots());
      continue;
    }
    for (auto& other : nodes_) {
      if (other.get() != &node && other->MayServeWrites()) CheckApart(node, *other);
    }
  }
}

void SimulatedCluster::CheckApart(SimulatedNode& a, SimulatedNode& b) {
  if (!a.OwnSlots().Meets(b.OwnSlots())) return;
  Fail("nodes " + std::to_string(a.Number()) + " and " + std::to_string(b.Number()) +
       " serve the same slot");
}

SimulatedNode& SimulatedCluster::RandomNode() { return *nodes_[random_.Below(nodes_.size())]; }

void SimulatedCluster::Kill(SimulatedNode& node) {
  if (!node.IsRunning()) return;
  std::vector<LinkId> links;
  for (const auto& [id, end] : ends_) {
    if (end.node == node.Number()) links.push_back(id);
  }
  std::sort(links.begin(), links.end());
  node.Kill();
  node.paused_until_us = 0;
  for (LinkId link : links) Close(link);
}

void SimulatedCluster::Restart(SimulatedNode& node) {
  if (node.IsRunning()) return;
  node.Start();
  At(time_us_ + static_cast<std::int64_t>(random_.Below(kTickUs)), &node,
     [this, &node] { TickNode(node); });
}

// Two sides, or one node alone.
void SimulatedCluster::Part(SimulatedNode& node, std::int64_t until_us) {
  const bool is_alone = random_.Below(2) == 0;
  for (int& side : side_) side = is_alone ? 0 : static_cast<int>(random_.Below(2));
  if (is_alone) side_[static_cast<std::size_t>(node.Number())] = 1;
  At(until_us, nullptr, [this] { std::fill(side_.begin(), side_.end(), 0); });
}

// Two that do not reach each other may both reach a majority.
void SimulatedCluster::CutSomePairs(std::int64_t until_us) {
  const std::uint64_t share = 2 + random_.Below(4);
  const std::size_t count = nodes_.size();
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = a + 1; b < count; ++b) {
      if (random_.Below(share) == 0) Cut(*nodes_[a], *nodes_[b]);
    }
  }
  At(until_us, nullptr, [this] { cut_.assign(cut_.size(), false); });
}

void SimulatedCluster::Cut(const SimulatedNode& a, const SimulatedNode& b) {
  SetCut(a.Number(), b.Number(), true);
}

void SimulatedCluster::SetCut(int a, int b, bool is_cut) {
  const auto from = static_cast<std::size_t>(a);
  const auto to = static_cast<std::size_t>(b);
  cut_[from * nodes_.size() + to] = cut_[to * nodes_.size() + from] = is_cut;
}

bool SimulatedCluster::IsParted() const {
  return side_ != std::vector<int>(side_.size(), side_[0]) ||
         std::find(cut_.begin(), cut_.end(), true) != cut_.end();
}

void SimulatedCluster::FailOver(SimulatedNode& replica) {
  auto kind = static_cast<FailoverKind>(random_.Below(3));
  // TAKEOVER overrules the majority: in a partition it may make a second one, and no lease helps.
  if (IsParted() && kind == FailoverKind::kTakeover) kind = FailoverKind::kForce;
  FailOver(replica, kind);
}

void SimulatedCluster::FailOver(SimulatedNode& replica, FailoverKind kind) {
  if (!replica.IsRunning() || replica.IsPaused()) return;
  replica.Bus().Failover(kind);
  replica.Bus().EndOfTurn();
  NoteServing(replica);
}

std::int64_t SimulatedCluster::SoonUs(std::int64_t ms_max) {
  return time_us_ +
         static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(ms_max))) * kMsUs;
}

void SimulatedCluster::StrikeShard() {
  SimulatedNode& master = RandomNode();
  if (!master.IsMaster() || master.State().Myself().slot_count == 0) return;
  const NodeId id = master.State().Myself().id;
  std::vector<SimulatedNode*> replicas;
  for (auto& node : nodes_) {
    if (!node->IsRunning() || node->State().Myself().master == kNoNode) continue;
    const ClusterState& state = node->State();
    if (state.Node(state.Myself().master).id == id) replicas.push_back(node.get());
  }
  is_slow_ = random_.Below(2) == 0;
  is_deadly_ = random_.Below(2) == 0;
  for (auto& node : nodes_) node->is_disk_slow = random_.Below(4) == 0;
  StrikeReplicas(replicas);
  StrikeMaster(master);
  At(SoonUs(5 * options_.node_timeout_ms), nullptr, [this] {
    cut_.assign(cut_.size(), false);
    is_slow_ = is_deadly_ = false;
    for (auto& node : nodes_) node->is_disk_slow = false;
  });
}

void SimulatedCluster::StrikeMaster(SimulatedNode& master) {
  const std::int64_t timeout_ms = options_.node_timeout_ms;
  switch (random_.Below(5)) {
    case 0:
      Kill(master);
      At(SoonUs(random_.Below(2) == 0 ? 100 : 3 * timeout_ms), nullptr,
         [this, &master] { Restart(master); });
      break;
    case 1:
      master.paused_until_us = SoonUs(3 * timeout_ms);
      break;
    case 2:
    case 3:
      for (auto& node : nodes_) {
        if (random_.Below(2) == 0) Cut(master, *node);
      }
      break;
    default:
      break;
  }
}

void SimulatedCluster::StrikeReplicas(const std::vector<SimulatedNode*>& replicas) {
  const bool are_apart = random_.Below(2) == 0;
  // All are asked at once, and the master agrees with each of them.
  const bool is_rush = random_.Below(3) == 0;
  for (SimulatedNode* replica : replicas) {
    for (SimulatedNode* other : replicas) {
      if (are_apart && other != replica) Cut(*replica, *other);
    }
    if (is_rush) {
      constexpr std::int64_t kRushMs = 300;
      At(SoonUs(kRushMs), nullptr, [this, replica] { FailOver(*replica, FailoverKind::kNormal); });
    } else if (random_.Below(3) == 0) {
      At(SoonUs(options_.node_timeout_ms), nullptr, [this, replica] { FailOver(*replica); });
    }
  }
}

void SimulatedCluster::MakeCycle() {
  const std::size_t count = nodes_.size();
  SimulatedNode* pair[] = {nodes_[count - 1].get(), nodes_[count - 2].get()};
  for (int i : {0, 1}) {
    const std::string error = pair[i]->Bus().Replicate(pair[1 - i]->State().Myself().id.Text());
    if (!error.empty()) Fail("cannot make a cycle: " + error);
  }
  for (SimulatedNode* node : pair) node->Bus().EndOfTurn();
}

void SimulatedCluster::DoSomethingBad() {
  const std::int64_t timeout_ms = options_.node_timeout_ms;
  SimulatedNode& node = RandomNode();
  switch (random_.Below(12)) {
    case 0:
    case 1:
      Kill(node);
      At(SoonUs(5 * timeout_ms), nullptr, [this, &node] { Restart(node); });
      break;
    case 2:
      node.paused_until_us = SoonUs(4 * timeout_ms);
      break;
    case 3:
      Part(node, SoonUs(6 * timeout_ms));
      break;
    case 4:
      is_slow_ = !is_slow_;
      break;
    case 5:
      is_lossy_ = !is_lossy_;
      break;
    case 6:
      node.unix_jump_ms += static_cast<std::int64_t>(random_.Below(7'200'000)) - 3'600'000;
      break;
    case 7:
      FailOver(node);
      break;
    case 8:
      node.is_disk_slow = !node.is_disk_slow;
      break;
    case 9:
      node.is_disk_full = true;
      At(SoonUs(4 * timeout_ms), nullptr, [&node] { node.is_disk_full = false; });
      break;
    case 10:
      CutSomePairs(SoonUs(6 * timeout_ms));
      break;
    default:
      Kill(node);
      At(time_us_ + 50 * kMsUs, nullptr, [this, &node] { Restart(node); });
      break;
  }
}

void SimulatedCluster::RestartAMaster() {
  std::vector<SimulatedNode*> masters;
  for (auto& node : nodes_) {
    if (!node->IsMaster() || !node->HasData()) continue;
    for (auto& replica : nodes_) {
      const bool is_of_it =
          replica->IsRunning() && replica->State().Myself().IsReplica() &&
          NodeAt(replica->State().Node(replica->State().Myself().master).ip) == node.get();
      if (is_of_it && replica->HasCopy() && replica->HasData()) {
        masters.push_back(node.get());
        break;
      }
    }
  }
  if (masters.empty()) return Fail("no master has a replica with its data");
  SimulatedNode& victim = *masters[random_.Below(masters.size())];
  Kill(victim);
  At(time_us_ + static_cast<std::int64_t>(random_.Below(100)) * kMsUs, nullptr,
     [this, &victim] { Restart(victim); });
}

void SimulatedCluster::MoveAll() {
  for (auto& node : nodes_) {
    Kill(*node);
    node->Move();
    At(time_us_ + static_cast<std::int64_t>(random_.Below(2000)) * kMsUs, nullptr,
       [this, moved = node.get()] { Restart(*moved); });
  }
}

void SimulatedCluster::MakeLinksBad() {
  is_slow_ = random_.Below(3) == 0;
  is_lossy_ = random_.Below(3) == 0;
}

void SimulatedCluster::AskToTakeOver(SimulatedNode& from, const std::string& ip, bool is_forced) {
  SimulatedNode* to = NodeAt(ip);
  if (to == nullptr || !AreConnected(from, *to) || !to->IsRunning()) return;
  const auto kind = is_forced ? FailoverKind::kForce : FailoverKind::kNormal;
  At(time_us_ + Delay(), to, [this, to, kind, &from] {
    const std::string error = to->Bus().Failover(kind);
    At(time_us_ + Delay(), &from, [&from, error] { from.Bus().OnTakeoverAnswer(error); });
  });
}

void SimulatedCluster::NoteLoss(SimulatedNode& replica, SimulatedNode& master) {
  if (!options_.must_keep_data) return;
  Fail("node " + std::to_string(replica.Number()) + " gives up its data for those of node " +
       std::to_string(master.Number()));
}

void SimulatedCluster::EndFaults() {
  is_slow_ = is_lossy_ = is_deadly_ = false;
  std::fill(side_.begin(), side_.end(), 0);
  cut_.assign(cut_.size(), false);
  for (auto& node : nodes_) {
    node->paused_until_us = std::min(node->paused_until_us, time_us_);
    node->is_disk_slow = node->is_disk_full = false;
    Restart(*node);
  }
}

std::string SimulatedCluster::WhatIsNotConverged() {
  SlotBitmap served;
  for (auto& node : nodes_) {
    const std::string name = "node " + std::to_string(node->Number());
    const ClusterState& state = node->State();
    if (state.Nodes().size() != nodes_.size()) {
      return name + " knows " + std::to_string(state.Nodes().size()) + " nodes";
    }
    if (!state.IsUp()) {
      return name + " says that the cluster is down: " + (state.IsHeld() ? "no lease, " : "") +
             std::to_string(state.CountSlots().ok) + " slots are well";
    }
    for (const ClusterNode& other : state.Nodes()) {
      if (other.master != kNoNode && state.Node(other.master).IsReplica()) {
        return name + " knows a replica of a replica";
      }
      if (other.IsFailed() || other.IsSuspected()) return name + " holds another for failed";
      const NodeIndex there = nodes_[0]->State().Find(other.id);
      if (there == kNoNode) return name + " knows a node that node 0 does not know";
      const ClusterNode& seen = nodes_[0]->State().Node(there);
      if (seen.IsMaster() != other.IsMaster()) return name + " disagrees about a role";
      if (nodes_[0]->State().BitmapOf(there) != state.BitmapOf(state.Find(other.id))) {
        return name + " disagrees about the slots of a node";
      }
    }
    if (node->MayServeWrites()) {
      served.Add(node->OwnSlots());
    }
  }
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (!served.Has(protocol::Slot(slot))) return "slot " + std::to_string(slot) + " is not served";
  }
  return {};
}

}  // namespace slotway::simulation
