// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/simulated_node.h"

#include <cstdio>
#include <cstdlib>

#include "tests/simulation/simulated_cluster.h"

namespace slotway::simulation {

using namespace storage::cluster;

namespace {

const bool kIsLoud = std::getenv("SLOTWAY_SIMULATION_LOG") != nullptr;

}  // namespace

SimulatedNode::SimulatedNode(SimulatedCluster& world, int number)
    : world_(world),
      number_(number),
      rate_(0.99 + 0.02 * world.Chance().NextUnit()),
      boot_ms_(1'000'000 + static_cast<std::int64_t>(world.Chance().Below(1'000'000))) {}

std::int64_t SimulatedNode::NowMs() const {
  return boot_ms_ + static_cast<std::int64_t>(static_cast<double>(world_.TimeUs()) * rate_) / 1000;
}

std::int64_t SimulatedNode::UnixMs() const {
  return 1'700'000'000'000 + world_.TimeUs() / 1000 + unix_jump_ms;
}

std::uint64_t SimulatedNode::Random() { return world_.Chance().Next(); }

void SimulatedNode::Create(int first_slot, int end_slot) {
  state_ = std::make_unique<ClusterState>();
  ClusterNode me;
  std::array<std::uint8_t, 20> bytes{};
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(Random());
  me.id = NodeId::FromRandomBytes(bytes);
  me.flags = NodeFlag::kMaster;
  me.ip = Ip();
  me.port = 6379;
  me.bus_port = 16379;
  if (first_slot < end_slot) me.config_epoch = Epoch(static_cast<std::uint64_t>(number_) + 1);
  state_->SetMyself(state_->Add(me));
  state_->SetCurrentEpoch(me.config_epoch);
  ClusterState::Batch batch(*state_);
  for (int slot = first_slot; slot < end_slot; ++slot) {
    state_->Assign(protocol::Slot(slot), state_->MyIndex());
  }
  disk_ = std::make_unique<ClusterState>(*state_);
}

void SimulatedNode::Start() {
  ++incarnation_;
  state_ = std::make_unique<ClusterState>(*disk_);
  state_->SetPolicy(state_->Policy());  // works out what the copy may not have yet
  has_copy_ = false;
  writes_paused_until_ms_ = 0;
  heard_ms_ = NowMs();
  own_slots_version_ = 0;
  served_until_ms_ = 0;
  BusSettings settings;
  settings.node_timeout_ms = world_.Options().node_timeout_ms;
  settings.lease_ms = settings.node_timeout_ms * 3 / 4;
  if (!world_.Options().keeps_data) {
    offset_ = 0;
    data_ = 0;
  }
  state_->SetAddress(state_->MyIndex(), Ip(), 6379, 16379);
  bus_ = std::make_unique<ClusterBus>(*state_, *this, *this, settings);
  if (world_.Options().forms_itself) {
    const FormationGoal goal{.nodes = static_cast<int>(world_.Addresses().size()),
                             .replicas = world_.Options().replicas_of_each};
    formation_ = std::make_unique<Formation>(*state_, *bus_, goal);
  }
  bus_->OnLoaded(world_.Options().keeps_data);
}

void SimulatedNode::Kill() {
  // What was on its way may have arrived.
  if (writing_.state && !is_disk_full && world_.Chance().Below(2) == 0) {
    disk_ = std::move(writing_.state);
  }
  writing_ = {};
  waiting_ = {};
  formation_.reset();
  bus_.reset();
  master_ip_.clear();
}

void SimulatedNode::Form() {
  if (!formation_) return;
  if (formation_->Tick(NowMs())) {
    bus_->SaveSoon();
    bus_->TellAll();
  }
  constexpr std::uint64_t kTicksPerLook = 5;
  if (++ticks_ % kTicksPerLook != 0 || !formation_->SeeksPeers()) return;
  for (const std::string& ip : world_.Addresses()) {
    if (!formation_->IsKnownAddress(ip, 6379)) bus_->Meet(ip, 6379, 16379);
  }
}

bool SimulatedNode::IsPaused() const { return world_.TimeUs() < paused_until_us; }

LinkId SimulatedNode::Connect(const std::string& ip, std::uint16_t) {
  return world_.Connect(*this, ip);
}

void SimulatedNode::Send(LinkId link, const BusMessage& message) {
  if (message.type == BusMessageType::kVote) world_.NoteVote(*this, message);
  world_.Send(*this, link, message);
}

void SimulatedNode::Close(LinkId link) { world_.Close(link); }

// As a thread that writes one after the other would, and the last of those that wait.
void SimulatedNode::Save(const ClusterState& state, std::uint64_t number) {
  world_.NoteSave(*this);
  waiting_ = {std::make_unique<ClusterState>(state), number};
  if (!writing_.state) BeginWrite();
}

void SimulatedNode::BeginWrite() {
  writing_ = std::move(waiting_);
  world_.AfterDisk(*this, [this] { EndWrite(); });
}

void SimulatedNode::EndWrite() {
  const std::uint64_t number = writing_.number;
  const bool is_written = !is_disk_full;
  if (is_written) disk_ = std::move(writing_.state);
  writing_ = {};
  if (waiting_.state) BeginWrite();
  bus_->OnSaved(number, is_written);
}

void SimulatedNode::AskToTakeOver(const std::string& ip, std::uint16_t, bool is_forced) {
  world_.AskToTakeOver(*this, ip, is_forced);
}

void SimulatedNode::AddData() {
  if (offset_++ == 0) data_ = world_.NextData();
}

void SimulatedNode::Log(std::string_view text) {
  if (!kIsLoud) return;
  std::printf("%9.3f node %d (%.6s): %.*s\n", static_cast<double>(world_.TimeUs()) / 1e6, number_,
              state_->Myself().id.Text().data(), static_cast<int>(text.size()), text.data());
}

void SimulatedNode::Replicate(const std::string& ip, std::uint16_t) {
  if (master_ip_ != ip) has_copy_ = false;
  master_ip_ = ip;
}

std::optional<std::int64_t> SimulatedNode::AcknowledgedFrom(const std::string& ip,
                                                            std::uint16_t) const {
  const SimulatedNode* replica = world_.NodeAt(ip);
  const bool follows = replica != nullptr && replica->IsRunning() && replica->has_copy_ &&
                       replica->master_ip_ == Ip() && world_.AreConnected(*this, *replica);
  return follows ? std::optional(replica->offset_) : std::nullopt;
}

void SimulatedNode::PauseWrites(std::int64_t for_ms) { writes_paused_until_ms_ = NowMs() + for_ms; }

bool SimulatedNode::MayServeWrites() {
  return IsRunning() && !IsPaused() && State().Myself().IsMaster() && State().IsUp() &&
         !bus_->LacksData() && NowMs() < bus_->ServesUntilMs() &&
         NowMs() >= writes_paused_until_ms_;
}

bool SimulatedNode::BeginsToServe() {
  if (!MayServeWrites()) {
    served_until_ms_ = 0;
    return false;
  }
  const bool goes_on =
      NowMs() < served_until_ms_ && served_slots_version_ == state_->OwnersVersion();
  served_until_ms_ = bus_->ServesUntilMs();
  served_slots_version_ = state_->OwnersVersion();
  return !goes_on;
}

const SlotBitmap& SimulatedNode::OwnSlots() {
  if (own_slots_version_ != state_->OwnersVersion()) {
    own_slots_ = state_->BitmapOf(state_->MyIndex());
    own_slots_version_ = state_->OwnersVersion();
  }
  return own_slots_;
}

void SimulatedNode::Replicate() {
  if (MayServeWrites() && State().Myself().slot_count != 0) AddData();
  if (master_ip_.empty()) return;
  SimulatedNode* master = world_.NodeAt(master_ip_);
  const bool is_there = master != nullptr && master->IsRunning() && !master->IsPaused() &&
                        world_.AreConnected(*this, *master);
  // As real ones do: nothing comes from who has nothing that is worth it.
  const bool gives = is_there && !master->Bus().LacksData() &&
                     (master->State().Myself().IsMaster() || master->HasCopy());
  // Now and then nothing comes for a while.
  if (!gives || world_.Chance().Below(4) == 0) return;
  heard_ms_ = NowMs();
  if (data_ != 0 && data_ != master->data_) world_.NoteLoss(*this, *master);
  offset_ = master->offset_;
  data_ = master->data_;
  has_copy_ = true;
}

}  // namespace slotway::simulation
