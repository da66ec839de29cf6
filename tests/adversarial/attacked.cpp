#include "tests/adversarial/attacked.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <unistd.h>

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::Engine;
using e2e::Start;

/// Cases of list A that nothing here tries, and why.
constexpr const char* kNotHere[] = {
    "A05 a private daemon whose machine asks a resolver of its own: no container asks any",
    "A17 a domain is taken from the policy of a running node: nothing takes one, a run has its "
    "plan's",
};

using Row = std::map<std::string, std::string>;

class Table : public testing::Environment {
 public:
  static Table& get() {
    // GoogleTest owns it.
    static auto* const table = static_cast<Table*>(testing::AddGlobalTestEnvironment(new Table));
    return *table;
  }

  void add(const Result& result) {
    if (!rows_.contains(result.part)) {
      order_.push_back(result.part);
    }
    rows_[result.part][result.column] = result.how;
  }

  void TearDown() override {
    std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) {
      return a.substr(0, 3) < b.substr(0, 3);
    });
    for (const std::string& part : order_) {
      std::printf("%s\n", part.c_str());
      for (const auto& [column, how] : rows_[part]) {
        std::printf("    %-12s %s\n", column.c_str(), how.c_str());
      }
    }
    print_by_engine();
    if (const char* const file = std::getenv("PIPE_ADVERSARIAL_TABLE"); file != nullptr) {
      write_all(file);
    }
    for (const char* const line : kNotHere) {
      std::printf("not tried: %s\n", line);
    }
  }

 private:
  /// Every part with what became of it, as Markdown (scripts/adversarial-table).
  void write_all(const std::string& file) const {
    const char* const columns[] = {
        kNoEngine, "sandbox", "docker", "docker root", "podman", "podman root"};
    std::ofstream out(file);
    out << "| case";
    for (const char* const column : columns) {
      out << " | " << column;
    }
    out << " |\n|---|---|---|---|---|---|---|\n";
    for (const std::string& part : order_) {
      out << "| " << part;
      const Row& row = rows_.at(part);
      for (const char* const column : columns) {
        const auto cell = row.find(column);
        out << " | " << (cell == row.end() ? "" : cell->second);
      }
      out << " |\n";
    }
  }

  /// A line a case: how many of its parts each engine blocked.
  void print_by_engine() {
    struct Count {
      int blocked = 0;
      int all = 0;
    };
    std::map<std::string, std::map<std::string, Count>> cases;
    std::set<std::string> columns;
    for (const auto& [part, row] : rows_) {
      for (const auto& [column, how] : row) {
        Count& count = cases[part.substr(0, 3)][column];
        ++count.all;
        count.blocked += how.starts_with("blocked") ? 1 : 0;
        columns.insert(column);
      }
    }
    std::printf("\n| case |");
    for (const std::string& column : columns) {
      std::printf(" %s |", column.c_str());
    }
    std::printf("\n|---|%s\n",
                [&] {
                  std::string rule;
                  for (std::size_t i = 0; i < columns.size(); ++i) {
                    rule += "---|";
                  }
                  return rule;
                }()
                    .c_str());
    for (auto& [number, row] : cases) {
      std::printf("| %s |", number.c_str());
      for (const std::string& column : columns) {
        const Count count = row[column];
        if (count.all == 0) {
          std::printf(" - |");
        } else if (column.starts_with(kNoEngine)) {
          std::printf(" %s |", count.blocked < count.all ? "gets through" : "no road");
        } else {
          std::printf(" %s %d of %d |",
                      count.blocked == count.all ? "blocked" : "OPEN",
                      count.blocked,
                      count.all);
        }
      }
      std::printf("\n");
    }
    std::printf("\n");
  }

  std::map<std::string, Row> rows_;
  std::vector<std::string> order_;
};

const Table& kTable = Table::get();

}  // namespace

void note(const Result& result) {
  Table::get().add(result);
}

void note_blocked(const std::string& part, Engine engine, const std::string& how) {
  note({part, e2e::name_of(engine), "blocked: " + how});
}

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    const std::size_t first = line.find(" | ");
    const std::size_t second = line.find(" | ", first + 3);
    if (first != std::string::npos && second != std::string::npos) {
      lines.push_back({line.substr(0, first),
                       line.substr(first + 3, second - first - 3) == "OPEN",
                       line.substr(second + 3)});
    }
  }
  return lines;
}

std::vector<pid_t> processes_below(pid_t top) {
  std::vector<pid_t> all;
  std::vector<pid_t> parents = {top};
  while (!parents.empty()) {
    const auto parent = std::filesystem::path("/proc") / std::to_string(parents.back()) / "task";
    parents.pop_back();
    std::error_code gone;
    for (const auto& thread : std::filesystem::directory_iterator(parent, gone)) {
      std::ifstream children(thread.path() / "children");  // each thread has those that it made
      for (pid_t child = 0; children >> child;) {
        all.push_back(child);
        parents.push_back(child);
      }
    }
  }
  return all;
}

std::unique_ptr<Yard> Attacked::yard_;

void Attacked::SetUpTestSuite() {
  static_cast<void>(kTable);
  if (geteuid() == 0) {
    yard_ = std::make_unique<Yard>();
  }
}

void Attacked::TearDownTestSuite() {
  yard_.reset();
}

void Attacked::SetUp() {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can make up hosts";
  }
  NEEDS_ENGINE(GetParam());
  std::filesystem::copy_file(PIPE_ATTACK, folder_.path() / "attack");
  hosts_ =
      around_.write("hosts",
                    "127.0.0.1 localhost\n127.7.7.9 good.test\n" + std::string(Yard::kLinkLocal) +
                        " meta.test\n" + Yard::kCanary4 + " other.test attacker.test\n");
  resolver_ = around_.write("resolv.conf", "nameserver " + std::string(Yard::kCanary4) + "\n");
  yard_->forget();
}

Start Attacked::among_hosts(Start start) const {
  const std::vector<std::string> among = {
      "unshare",
      "--mount",
      "sh",
      "-c",
      "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" /etc/resolv.conf && "
      "shift && exec \"$@\"",
      hosts_,
      resolver_};
  start.argv.insert(start.argv.begin(), among.begin(), among.end());
  return start;
}

Start Attacked::pipe(const std::vector<std::string>& arguments) const {
  return among_hosts(user_.pipe(arguments, folder_.path().string()));
}

Ended Attacked::on_the_machine(const std::string& script, const std::string& folder) const {
  return e2e::run(among_hosts(
      {{"sh", "-c", script}, folder.empty() ? folder_.path().string() : folder, targets()}));
}

std::map<std::string, std::string> Attacked::targets() {
  return {{"ATTACK_CANARY4", Yard::kCanary4},
          {"ATTACK_CANARY6", Yard::kCanary6},
          {"ATTACK_LINK_LOCAL", Yard::kLinkLocal},
          {"ATTACK_MACHINE", Yard::kMachine},
          {"ATTACK_BRIDGE", "172.17.0.1"},
          {"ATTACK_PORT", std::to_string(Yard::kPort)},
          {"ATTACK_GOOD", "good.test"},
          {"ATTACK_GOOD_PORT", std::to_string(Yard::kGoodPort)},
          {"ATTACK_META", "meta.test"}};
}

std::string Attacked::image() {
  const bool is_ours = GetParam() == Engine::Sandbox || GetParam() == Engine::Host;
  return is_ours ? "host" : "pipe-test/busybox:1";
}

void Attacked::write_pipeline(const Tasks& tasks) const {
  std::string text = "firewall:\n  allow: ['good.test:" + std::to_string(Yard::kGoodPort) +
                     "', '*.wild.test:443', 'meta.test:" + std::to_string(Yard::kPort) +
                     "']\n  allow_private: [127.7.7.9]\nenv:\n";
  for (const auto& [name, value] : targets()) {
    text += "  " + name + ": '" + value + "'\n";
  }
  text += "tasks:\n";
  for (const auto& [name, body] : tasks) {
    text += "  " + name + ":\n" + body + "    success_criteria: [{'[ ] ok': 'true'}]\n";
  }
  write_plain(text);
}

void Attacked::write_plain(const std::string& text) const {
  folder_.write(
      "p.yaml",
      "version: 1\nname: attacked\nengine: " + engine() + "\nimage: " + image() + "\n" + text);
}

Ended Attacked::run_plain(const std::string& text, const std::string& name) const {
  write_plain(text);
  return run(pipe({"run", "p.yaml", "--name", name}));
}

std::string Attacked::log(const std::string& task) const {
  return run(pipe({"logs", "one", task})).out;
}

std::string Attacked::shown() const {
  return run(pipe({"show", "one", "--json"})).out;
}

}  // namespace adversarial
