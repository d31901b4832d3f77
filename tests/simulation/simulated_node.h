// SPDX-License-Identifier: Apache-2.0
// One simulated process: its bus, its disk, its clock, and replication as far as the bus sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/formation.h"

namespace slotway::simulation {

class SimulatedCluster;

class SimulatedNode : public storage::cluster::BusHost, public storage::cluster::ReplicationPort {
 public:
  SimulatedNode(SimulatedCluster& world, int number);

  // The first start: alone, with these slots.
  void Create(int first_slot, int end_slot);
  // Starts the process from what is on the disk.
  void Start();
  void Kill();
  bool IsRunning() const { return bus_ != nullptr; }
  bool IsPaused() const;
  int Number() const { return number_; }
  int Incarnation() const { return incarnation_; }
  std::string Ip() const {
    return "10.0." + std::to_string(moves_) + "." + std::to_string(number_ + 1);
  }
  // To another address. REQUIRES: it does not run.
  void Move() { ++moves_; }
  // Where nodes form a cluster by themselves: what a process does for it in a tick.
  void Form();

  storage::cluster::ClusterBus& Bus() { return *bus_; }
  storage::cluster::ClusterState& State() { return *state_; }
  const storage::cluster::ClusterState& Disk() const { return *disk_; }
  bool MayServeWrites();
  const storage::cluster::SlotBitmap& OwnSlots();
  std::uint64_t SlotsVersion() const { return state_->OwnersVersion(); }
  // Whether it serves, and did not, or not the same slots, when this was asked last.
  bool BeginsToServe();
  void Replicate();  // moves data between this node and its master, if it is a replica
  void AddData();
  bool HasData() const { return offset_ > 0; }
  bool IsMaster() { return IsRunning() && State().Myself().IsMaster(); }

  // ---- BusHost
  std::int64_t NowMs() const override;
  std::int64_t UnixMs() const override;
  std::uint64_t Random() override;
  storage::cluster::LinkId Connect(const std::string& ip, std::uint16_t bus_port) override;
  void Send(storage::cluster::LinkId link, const storage::cluster::BusMessage& message) override;
  void Close(storage::cluster::LinkId link) override;
  void Save(const storage::cluster::ClusterState& state, std::uint64_t number) override;
  void Deliver(const storage::cluster::BusMessage&) override {}
  bool HasKeys(protocol::Slot) const override { return false; }
  void DropKeys(protocol::Slot) override {}
  void DropAllKeys() override {}
  void AskToTakeOver(const std::string& ip, std::uint16_t port, bool is_forced) override;
  void Log(std::string_view text) override;

  // ---- ReplicationPort
  std::int64_t Offset() const override { return offset_; }
  bool HasCopy() const override { return has_copy_; }
  std::int64_t SilentMs() const override { return NowMs() - heard_ms_; }
  bool HasReplicas() const override { return false; }  // the bus hears of them in time
  std::optional<std::int64_t> AcknowledgedFrom(const std::string& ip,
                                               std::uint16_t port) const override;
  void BecomeMaster() override { master_ip_.clear(); }
  void Replicate(const std::string& ip, std::uint16_t port) override;
  void PauseWrites(std::int64_t for_ms) override;

  std::int64_t paused_until_us = 0;
  std::int64_t unix_jump_ms = 0;
  bool is_disk_slow = false;
  bool is_disk_full = false;

 private:
  // To the disk.
  struct Write {
    std::unique_ptr<storage::cluster::ClusterState> state;
    std::uint64_t number = 0;
  };
  void BeginWrite();
  void EndWrite();

  SimulatedCluster& world_;
  int number_;
  int incarnation_ = 0;
  int moves_ = 0;
  std::uint64_t ticks_ = 0;
  double rate_;
  std::int64_t boot_ms_;
  std::unique_ptr<storage::cluster::ClusterState> disk_;
  Write writing_, waiting_;
  std::unique_ptr<storage::cluster::ClusterState> state_;
  std::unique_ptr<storage::cluster::ClusterBus> bus_;
  std::unique_ptr<storage::cluster::Formation> formation_;
  std::int64_t offset_ = 0;
  std::uint64_t data_ = 0;  // whose first write it began with; 0: there is none
  bool has_copy_ = false;
  std::int64_t heard_ms_ = 0;
  std::string master_ip_;
  std::int64_t writes_paused_until_ms_ = 0;
  storage::cluster::SlotBitmap own_slots_;
  std::uint64_t own_slots_version_ = 0;
  std::int64_t served_until_ms_ = 0;  // as it was when BeginsToServe() was asked last
  std::uint64_t served_slots_version_ = 0;
};

}  // namespace slotway::simulation
