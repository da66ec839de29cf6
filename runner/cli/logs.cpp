// pipe logs [RUN [TASK...]]: what the tasks of a run wrote.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dsl/suggest.h"
#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/run_argument.h"
#include "runner/cli/run_logs.h"
#include "runner/cli/run_status.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"
#include "runner/report/paint.h"
#include "runner/sys/event_loop.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string run;
  std::vector<std::string> tasks;
  std::optional<int> count;
  bool follow = false;
  bool json = false;
};

constexpr dsl::Duration kPoll{100};

/// The nodes that `name` means: a node, or all instances of a task.
std::vector<std::size_t> nodes_called(const RunState& state, const std::string& name) {
  if (const auto node = state.find(dsl::NodeId(name))) {
    const auto& instances = state.nodes()[*node].instances;
    return instances.empty() ? std::vector<std::size_t>{*node} : instances;
  }
  std::vector<std::size_t> nodes;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    if (state.plan_node(i).task == name) {
      nodes.push_back(i);
    }
  }
  return nodes;
}

dsl::Error no_such_task(const RunState& state, const std::string& name) {
  std::vector<std::string_view> names;
  for (const NodeState& node : state.nodes()) {
    names.emplace_back(node.id.value);
  }
  const std::string meant = dsl::did_you_mean(name, names);
  return {
      "run '" + report::one_line(state.run().value) + "' has no task '" + report::one_line(name) +
          "'",
      meant.empty() ? "`pipe show " + report::one_line(state.run().value) + "` lists them" : meant};
}

dsl::Result<std::vector<dsl::NodeId>> chosen(const RunState& state,
                                             const std::vector<std::string>& tasks) {
  std::vector<dsl::NodeId> ids;
  if (tasks.empty()) {
    for (const std::size_t node : report::file_order(state)) {
      ids.push_back(state.nodes()[node].id);
    }
    return ids;
  }
  for (const std::string& task : tasks) {
    const std::vector<std::size_t> nodes = nodes_called(state, task);
    if (nodes.empty()) {
      return no_such_task(state, task);
    }
    for (const std::size_t node : nodes) {
      ids.push_back(state.nodes()[node].id);
    }
  }
  return ids;
}

std::string json_line(const LogReader::Line& line) {
  std::string_view text = line.text;
  text.remove_suffix(text.ends_with('\n') ? 1 : 0);
  return dsl::to_json(dsl::Value(dsl::Value::Record{
             {"node", dsl::Value(line.node.value)},
             {"attempt", dsl::Value(static_cast<double>(line.part.attempt))},
             {"job", line.part.job.empty() ? dsl::Value() : dsl::Value(line.part.job)},
             {"text", dsl::Value(std::string(text))}})) +
         "\n";
}

/// Lines on STDOUT: made harmless where that is a terminal, the bytes themselves elsewhere; or each
/// as JSON.
class LinePrinter {
 public:
  LinePrinter(Console& console, const LogReader& reader, bool json)
      : console_(console), reader_(reader), json_(json) {}

  void print(const LogReader::Line& line) {
    buffer_ += json_ ? json_line(line) : plain_line(line);
    if (buffer_.size() > (64U << 10U)) {
      flush();
    }
  }
  void flush() {
    console_.out(buffer_);
    buffer_.clear();
  }

 private:
  std::string plain_line(const LogReader::Line& line) const {
    std::string text;
    if (!line.label.empty()) {
      const std::string prefix = report::padded(line.label, reader_.label_width()) + " | ";
      text = report::painted(prefix, report::Meaning::Active, console_.out_colour());
    }
    if (console_.out_is_terminal()) {
      const bool colour = console_.out_colour() == dsl::Colour::Always;
      text += report::one_line(line.text, colour ? report::Sgr::Keep : report::Sgr::Strip) + "\n";
    } else {
      text += line.text;
      text += line.text.ends_with('\n') || line.label.empty() ? "" : "\n";
    }
    return text;
  }

  Console& console_;
  const LogReader& reader_;
  const bool json_;
  std::string buffer_;
};

/// Instances of a for_each that came into being while we look.
void add_instances(const RunView& view,
                   const std::vector<Event>& events,
                   const std::vector<std::string>& tasks,
                   LogReader& reader) {
  for (const Event& event : events) {
    const auto* expanded = std::get_if<NodeExpanded>(&event.what);
    const auto group = expanded == nullptr ? std::nullopt : view.state().find(expanded->node);
    if (!group) {
      continue;
    }
    const std::string& task = view.state().plan_node(*group).task;
    if (tasks.empty() || std::find(tasks.begin(), tasks.end(), task) != tasks.end()) {
      for (const std::size_t instance : view.state().nodes()[*group].instances) {
        reader.add(view.state().nodes()[instance].id);
      }
    }
  }
}

/// Prints until the run is over or nobody holds it or reads us any more.
void follow(RunView& view,
            const std::vector<std::string>& tasks,
            LogReader& reader,
            LinePrinter& printer,
            Console& console) {
  EventLoop loop;
  const auto take = [&](const LogReader::Line& line) { printer.print(line); };
  std::function<void()> poll = [&] {
    // Whether it goes on is asked before reading, so that nothing written until then is missed.
    const bool goes_on = view.runner().has_value();
    if (const auto events = view.more()) {
      add_instances(view, *events, tasks, reader);
    }
    reader.read_new(take);
    printer.flush();
    if (!goes_on || console.out_is_closed()) {
      loop.stop();
      return;
    }
    loop.after(kPoll, poll);
  };
  poll();
  if (view.runner()) {
    loop.run();
  }
}

/// Tasks that were taken from earlier runs wrote nothing here: where their logs are, a note a run.
void say_where_else(const RunState& state,
                    const std::vector<dsl::NodeId>& nodes,
                    const Runs& runs,
                    Console& console) {
  std::map<std::string, std::vector<std::string>> tasks_by_run;
  for (const dsl::NodeId& id : nodes) {
    const auto node = state.find(id);
    if (node && state.nodes()[*node].reused && !state.nodes()[*node].reused_from.empty()) {
      tasks_by_run[state.nodes()[*node].reused_from.value].push_back(report::one_line(id.value));
    }
  }
  constexpr std::size_t kMost = 3;
  for (const auto& [run, tasks] : tasks_by_run) {
    const std::string name = report::one_line(run);
    std::string which = "'" + tasks.front() + "'";
    std::string command = "pipe logs " + name;
    for (std::size_t k = 1; k < tasks.size() && k < kMost; ++k) {
      which += ", '" + tasks[k] + "'";
    }
    if (tasks.size() > kMost) {
      which += " and " + std::to_string(tasks.size() - kMost) + " more";
    } else if (tasks.size() == 1) {
      command += " '" + tasks.front() + "'";
    }
    const bool there =
        std::find(runs.names().begin(), runs.names().end(), dsl::RunId(run)) != runs.names().end();
    console.note(which + (tasks.size() == 1 ? " was" : " were") + " taken from run " + name +
                 (there ? ": `" + command + "`" : ", which is not there any more"));
  }
}

ExitCode logs(const Arguments& arguments, Console& console) {
  const RunLookup lookup = look_up_run(arguments.run, Purpose::Look, console);
  if (!lookup.found) {
    return lookup.code;
  }
  auto view = lookup.found->runs.view(lookup.found->run);
  if (!view) {
    return console.fail(ExitCode::Environment, view.error());
  }
  const auto nodes = chosen(view->state(), arguments.tasks);
  if (!nodes) {
    return console.fail(ExitCode::Invalid, nodes.error());
  }
  const auto labels =
      nodes->size() == 1 ? LogReader::Labels::Parts : LogReader::Labels::NodesAndParts;
  LogReader reader(view->folder(), *nodes, labels, arguments.count.value_or(-1));
  LinePrinter printer(console, reader, arguments.json);
  if (arguments.follow) {
    follow(*view, arguments.tasks, reader, printer, console);
  }
  reader.read_rest([&](const LogReader::Line& line) { printer.print(line); });
  printer.flush();
  say_where_else(view->state(), *nodes, lookup.found->runs, console);
  const RunStatus status = status_of(*view);
  if (arguments.follow && (status == RunStatus::Dead || status == RunStatus::Interrupted)) {
    const std::string name = report::one_line(view->run().value);
    console.note("'" + name + "' is unfinished, and nobody runs it: `pipe resume " + name +
                 "` goes on");
  }
  return ExitCode::Passed;
}

}  // namespace

Command logs_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "logs";
  command.summary = "print what tasks wrote; -f follows";
  command.description =
      "Prints the output of the tasks of a run, of their criteria and services: of all, or\n"
      "of those named. Lines of several begin with the name of their task.";
  command.positionals = {
      run_argument(arguments->run),
      {"TASK", "tasks; all where none is given", false, Completes::Task, {}, &arguments->tasks}};
  command.options = {
      {"-f,--follow", "", "go on until the run ends", {}, &arguments->follow},
      {"-n,--lines", "N", "only the last N lines of each log", {}, &arguments->count, 0},
      {"--json", "", "print each line as JSON", {}, &arguments->json},
  };
  command.examples = {"pipe logs latest build", "pipe logs calm-otter -f -n 20"};
  command.action = [arguments, &console] { return logs(*arguments, console); };
  return command;
}

}  // namespace runner::cli
