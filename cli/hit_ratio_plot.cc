// SPDX-License-Identifier: Apache-2.0
#include "cli/hit_ratio_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace pintle {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 460;
constexpr double kLeft = 62;
constexpr double kRight = 600;
constexpr double kTop = 46;
constexpr double kBottom = 396;
// Names below each other need this much.
constexpr double kNameStep = 16;
// Okabe and Ito's colours, which most colour-blind people tell apart, and two more.
constexpr std::array<const char*, 10> kColors = {"#0072B2", "#E69F00", "#56B4E9", "#009E73",
                                                 "#CC79A7", "#8C6BB1", "#A6761D", "#999999",
                                                 "#D55E00", "#000000"};

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

// A policy's points in order of capacity.
struct Line {
  std::string policy;
  std::vector<laboratory::SimulationPoint> points;
  const char* color = "";
  double name_y = 0;
};

class Plot {
 public:
  Plot(const std::vector<laboratory::SimulationPoint>& points, std::int64_t unique_blocks,
       absl::string_view title)
      : unique_blocks_(unique_blocks) {
    for (const auto& point : points) {
      const auto at = std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) {
        return line.policy == point.policy;
      });
      Line& line = at == lines_.end() ? lines_.emplace_back(Line{point.policy, {}, "", 0}) : *at;
      line.points.push_back(point);
      capacities_.push_back(point.capacity_blocks);
      top_ = std::max(top_, point.hit_ratio);
    }
    std::sort(capacities_.begin(), capacities_.end());
    capacities_.erase(std::unique(capacities_.begin(), capacities_.end()), capacities_.end());
    // The next tenth above the highest point.
    top_ = std::min(1.0, std::max(0.1, std::ceil(top_ * 10 + 0.2) / 10));
    Frame(title);
    Axes();
    Lines();
    absl::StrAppend(&svg_, "</svg>\n");
  }

  std::string Take() { return std::move(svg_); }

 private:
  double X(std::int32_t capacity) const {
    const auto log = [](std::int32_t blocks) {
      return std::log(static_cast<double>(std::max(blocks, 1)));
    };
    const double low = log(capacities_.front());
    const double high = log(capacities_.back());
    if (high <= low) return (kLeft + kRight) / 2;
    const double at = (log(capacity) - low) / (high - low);
    return kLeft + 14 + at * (kRight - kLeft - 28);
  }
  double Y(double ratio) const { return kBottom - ratio / top_ * (kBottom - kTop); }

  void Text(double x, double y, absl::string_view anchor, absl::string_view text,
            absl::string_view more = "") {
    absl::StrAppendFormat(&svg_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x,
                          y, anchor, more, Escaped(text));
  }

  void Rule(double x1, double y1, double x2, double y2, absl::string_view color) {
    absl::StrAppendFormat(&svg_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                          x1, y1, x2, y2, color);
  }

  void Frame(absl::string_view title) {
    absl::StrAppendFormat(
        &svg_,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
        "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        kWidth, kHeight);
    Text(kLeft, 26, "start", title, " font-size=\"15\" font-weight=\"bold\"");
  }

  void Axes() {
    const int steps = top_ > 0.5 ? static_cast<int>(std::lround(top_ * 10))
                                 : static_cast<int>(std::lround(top_ * 20));
    for (int i = 0; i <= steps; ++i) {
      const double ratio = top_ * i / steps;
      Rule(kLeft, Y(ratio), kRight, Y(ratio), i == 0 ? "#222" : "#ddd");
      Text(kLeft - 8, Y(ratio) + 4, "end", absl::StrFormat("%.2f", ratio));
    }
    double free_from = 0;
    for (const std::int32_t capacity : capacities_) {
      const double x = X(capacity);
      Rule(x, kBottom, x, kBottom + 5, "#222");
      if (x < free_from) continue;
      Text(x, kBottom + 19, "middle", absl::StrCat(capacity));
      if (unique_blocks_ > 0) {
        Text(x, kBottom + 34, "middle",
             absl::StrFormat("%.3g %%", 100.0 * capacity / static_cast<double>(unique_blocks_)),
             " fill=\"#666\"");
      }
      free_from = x + 50;
    }
    Text((kLeft + kRight) / 2, kHeight - 10, "middle",
         "capacity in blocks, and of all the trace's blocks");
    absl::StrAppendFormat(&svg_,
                          "<text transform=\"translate(16 %.1f) rotate(-90)\" "
                          "text-anchor=\"middle\">hit ratio</text>\n",
                          (kTop + kBottom) / 2);
  }

  void Lines() {
    std::vector<Line*> by_end;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      line.color = kColors[i % kColors.size()];
      std::sort(line.points.begin(), line.points.end(),
                [](const auto& a, const auto& b) { return a.capacity_blocks < b.capacity_blocks; });
      by_end.push_back(&line);
    }
    // Most lines meet at the right; where memory is short they part, so names go by their means.
    const auto mean = [](const Line* line) {
      double sum = 0;
      for (const auto& point : line->points) sum += point.hit_ratio;
      return sum / static_cast<double>(line->points.size());
    };
    std::stable_sort(by_end.begin(), by_end.end(),
                     [&](const Line* a, const Line* b) { return mean(a) > mean(b); });
    double y = kTop + 10;
    for (Line* line : by_end) {
      line->name_y = y;
      y += kNameStep;
    }
    for (const Line& line : lines_) Draw(line);
  }

  void Draw(const Line& line) {
    std::string path;
    for (const auto& point : line.points) {
      absl::StrAppendFormat(&path, "%s%.1f,%.1f", path.empty() ? "" : " ", X(point.capacity_blocks),
                            Y(point.hit_ratio));
    }
    const char* dash = line.policy == "belady" ? " stroke-dasharray=\"6 4\"" : "";
    const char* width = line.policy == "session_aware" ? "3" : "1.6";
    absl::StrAppendFormat(&svg_,
                          "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" "
                          "stroke-width=\"%s\"%s/>\n",
                          path, line.color, width, dash);
    for (const auto& point : line.points) {
      absl::StrAppendFormat(&svg_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\"/>\n",
                            X(point.capacity_blocks), Y(point.hit_ratio), line.color);
    }
    absl::StrAppendFormat(&svg_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                          "stroke-width=\"%s\"%s/>\n",
                          kRight + 12, line.name_y - 4, kRight + 36, line.name_y - 4, line.color,
                          width, dash);
    Text(kRight + 42, line.name_y, "start", line.policy);
  }

  const std::int64_t unique_blocks_;
  std::vector<Line> lines_;
  std::vector<std::int32_t> capacities_;
  double top_ = 0;
  std::string svg_;
};

}  // namespace

std::string HitRatioPlot(const std::vector<laboratory::SimulationPoint>& points,
                         std::int64_t unique_blocks, absl::string_view title) {
  return Plot(points, unique_blocks, title).Take();
}

}  // namespace pintle
