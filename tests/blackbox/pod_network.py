# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes node in miniature, from network namespaces.

        client ---- node ---- bridge ---- pod, pod, pod ...
     10.90.X.2   10.90.X.1    10.244.X.1   10.244.X.10 ...

A NodePort is a DNAT rule on the node. The client has a route to the node's address and none to
the pods; the node forwards nothing but translated and established packets. Names and addresses
are unique per process, so that runs do not meet.
"""
import ctypes
import os
import shutil
import subprocess

NODE_PORT_FIRST = 30001
# What `ip netns exec` puts in the place of files of /etc.
_NAMESPACE_FILES = "/etc/netns"


def _run(*command, stdin=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=stdin,
                          text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def why_impossible():
    """Why namespaces cannot be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nft"):
        if not any(os.access(os.path.join(folder, tool), os.X_OK)
                   for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin")):
            return f"the program '{tool}' is not there (scripts/deps.sh test)"
    name = f"swprobe{os.getpid()}"
    try:
        _run("ip", "netns", "add", name)
    except OSError as error:
        return f"no network namespaces here: {error}"
    try:
        _run("ip", "netns", "exec", name, "nft", "-f", "-",
             stdin="table inet probe {\n chain c {\n  type nat hook prerouting priority -100;\n"
                   "  fib daddr type local tcp dport 1 dnat ip to 10.0.0.1:1\n }\n}\n")
    except OSError as error:
        return f"no nft address translation here: {error}"
    finally:
        _run("ip", "netns", "delete", name)
    return None


class PodNetwork:
    """pods: how many; node_ports: {port on the node: (pod number, port in the pod)}."""

    def __init__(self, pods, node_ports):
        self._id = f"{os.getpid()}"
        net = os.getpid() % 250 + 1
        self.node_address = f"10.90.{net}.1"
        self.client_address = f"10.90.{net}.2"
        self.gateway = f"10.244.{net}.1"
        self.pod_addresses = [f"10.244.{net}.{10 + i}" for i in range(pods)]
        self._namespaces = []
        try:
            self._build(node_ports)
        except BaseException:
            self.delete()
            raise

    def in_client(self):
        return self._prefix("client")

    def in_node(self):
        return self._prefix("node")

    def in_pod(self, number):
        return self._prefix(f"pod{number}")

    def cut_off(self, number):
        """Nothing reaches the pod or comes from it, and nobody is told."""
        _run("ip", "-n", self._name("node"), "link", "set", f"pod{number}", "down")

    def connect_again(self, number):
        _run("ip", "-n", self._name("node"), "link", "set", f"pod{number}", "up")

    def part(self, number):
        """Nothing passes between the pod and the others; the node, and who is on it, reach all."""
        outside = f"ip {{}} != {{{{ {self.gateway}, {self.pod_addresses[number]}, 127.0.0.0/8 }}}} drop"
        rules = f"""
table ip parted {{
  chain arriving {{
    type filter hook input priority 0;
    {outside.format("saddr")}
  }}
  chain leaving {{
    type filter hook output priority 0;
    {outside.format("daddr")}
  }}
}}
"""
        _run(*self.in_pod(number), "nft", "-f", "-", stdin=rules)

    def rejoin(self, number):
        _run(*self.in_pod(number), "nft", "delete", "table", "ip", "parted")

    def enter(self):
        """This thread, and what it starts from now on, is on the node, which reaches all pods."""
        with open(f"/run/netns/{self._name('node')}", "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def readdress(self, number, address):
        """The pod goes on, or comes back, under another address of the pods' network."""
        pod = self._name(f"pod{number}")
        _run("ip", "-n", pod, "addr", "flush", "dev", "eth0")
        _run("ip", "-n", pod, "addr", "add", f"{address}/24", "dev", "eth0")
        _run("ip", "-n", pod, "route", "replace", "default", "via", self.gateway)
        self.pod_addresses[number] = address

    def look_names_up_at(self, address):
        """What is started in a pod from now on asks the name server there."""
        for name in self._namespaces:
            folder = os.path.join(_NAMESPACE_FILES, name)
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, "resolv.conf"), "w", encoding="ascii") as file:
                file.write(f"nameserver {address}\noptions timeout:1 attempts:2\n")

    def restrict(self, number, rules):
        """Lines of a chain that what arrives at the pod has to pass; "" lets everything in."""
        text = "table ip guarded\ndelete table ip guarded\n"
        if rules:
            text += f"table ip guarded {{\n  chain arriving {{\n    type filter hook input priority 0;\n{rules}\n  }}\n}}\n"
        _run(*self.in_pod(number), "nft", "-f", "-", stdin=text)

    def delete(self):
        for name in self._namespaces:
            shutil.rmtree(os.path.join(_NAMESPACE_FILES, name), ignore_errors=True)
        for name in reversed(self._namespaces):
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=30)
        self._namespaces = []

    def _name(self, role):
        return f"sw{self._id}-{role}"

    def _prefix(self, role):
        return ("ip", "netns", "exec", self._name(role))

    def _add_namespace(self, role):
        name = self._name(role)
        _run("ip", "netns", "add", name)
        self._namespaces.append(name)
        _run("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def _build(self, node_ports):
        client, node = self._add_namespace("client"), self._add_namespace("node")
        _run("ip", "-n", node, "link", "add", "uplink", "type", "veth", "peer", "name", "eth0",
             "netns", client)
        _run("ip", "-n", node, "addr", "add", f"{self.node_address}/30", "dev", "uplink")
        _run("ip", "-n", node, "link", "set", "uplink", "up")
        _run("ip", "-n", client, "addr", "add", f"{self.client_address}/30", "dev", "eth0")
        _run("ip", "-n", client, "link", "set", "eth0", "up")

        _run("ip", "-n", node, "link", "add", "pods", "type", "bridge")
        _run("ip", "-n", node, "addr", "add", f"{self.gateway}/24", "dev", "pods")
        _run("ip", "-n", node, "link", "set", "pods", "up")
        for number, address in enumerate(self.pod_addresses):
            pod = self._add_namespace(f"pod{number}")
            port = f"pod{number}"
            _run("ip", "-n", node, "link", "add", port, "type", "veth", "peer", "name", "eth0",
                 "netns", pod)
            _run("ip", "-n", node, "link", "set", port, "master", "pods")
            _run("ip", "-n", node, "link", "set", port, "type", "bridge_slave", "hairpin", "on")
            _run("ip", "-n", node, "link", "set", port, "up")
            _run("ip", "-n", pod, "addr", "add", f"{address}/24", "dev", "eth0")
            _run("ip", "-n", pod, "link", "set", "eth0", "up")
            _run("ip", "-n", pod, "route", "add", "default", "via", self.gateway)

        translations = "\n".join(
            f"    fib daddr type local tcp dport {port} dnat ip to "
            f"{self.pod_addresses[pod]}:{pod_port}"
            for port, (pod, pod_port) in node_ports.items())
        rules = f"""
table inet slotway {{
  chain node_ports {{
    type nat hook prerouting priority -100;
{translations}
  }}
  chain hide_client {{
    type nat hook postrouting priority 100;
    ct status dnat masquerade
  }}
  chain forwarded {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ct status dnat accept
    iifname "pods" oifname "pods" accept
  }}
}}
"""
        _run(*self.in_node(), "nft", "-f", "-", stdin=rules)
        _run(*self.in_node(), "sysctl", "-qw", "net.ipv4.ip_forward=1")
