//! A cluster on loopback.

use redis::{Cmd, cmd};

use crate::{Server, folder::Port, until};

const SLOTS: usize = 16_384;

/// Masters that share the slots, killed when they are dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
    /// Where they speak with each other.
    _buses: Vec<Port>,
}

impl Cluster {
    /// Starts `count` masters without replicas, and waits until each of them
    /// says that the cluster is whole: about 2 seconds.
    ///
    /// # Panics
    ///
    /// They do not find each other within 10 seconds.
    #[must_use]
    pub fn start(count: usize) -> Option<Self> {
        let (mut nodes, mut buses) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let bus = Port::free();
            let builder = Server::builder()
                .set("cluster-enabled", "yes")
                .set("cluster-config-file", "nodes.conf")
                .set("cluster-node-timeout", "5000")
                .set("cluster-port", &bus.number().to_string());
            nodes.push(builder.start()?);
            buses.push(bus);
        }
        let cluster = Self {
            nodes,
            _buses: buses,
        };
        cluster.join();
        until("the cluster to be whole", || {
            cluster.nodes.iter().all(|node| cluster.is_whole(node))
        });
        Some(cluster)
    }

    /// Returns the URLs of the nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// Returns the nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// Returns the node that has the slot of `key`.
    #[must_use]
    pub fn node_of(&self, key: &str) -> Option<&Server> {
        let mut asked = cmd("CLUSTER");
        asked.arg("KEYSLOT").arg(key);
        let slot: usize = asked.query(&mut self.nodes.first()?.connection()).unwrap();
        self.nodes.get(slot * self.nodes.len() / SLOTS)
    }

    fn join(&self) {
        let count = self.nodes.len();
        for (number, node) in self.nodes.iter().enumerate() {
            // The first slot whose share is this node's: see `node_of`.
            let first = |number: usize| (number * SLOTS).div_ceil(count);
            let mut owned = cmd("CLUSTER");
            owned.arg("ADDSLOTSRANGE").arg(first(number));
            run(owned.arg(first(number + 1) - 1), node);
            for other in &self.nodes {
                let bus = other.bus_port();
                let mut met = cmd("CLUSTER");
                met.arg("MEET").arg("127.0.0.1");
                run(met.arg(other.port()).arg(bus), node);
            }
        }
    }

    fn is_whole(&self, node: &Server) -> bool {
        let asked = cmd("CLUSTER")
            .arg("INFO")
            .query::<String>(&mut node.connection());
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        asked.is_ok_and(|text| text.contains("cluster_state:ok") && text.contains(&known))
    }
}

impl Server {
    fn bus_port(&self) -> String {
        let mut asked = cmd("CONFIG");
        asked.arg("GET").arg("cluster-port");
        let (_, port): (String, String) = asked.query(&mut self.connection()).unwrap();
        port
    }
}

fn run(command: &Cmd, node: &Server) {
    command.exec(&mut node.connection()).unwrap();
}
