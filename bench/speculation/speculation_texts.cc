// SPDX-License-Identifier: Apache-2.0
#include "bench/speculation/speculation_texts.h"

namespace pintle {
namespace {

constexpr char kDocument[] =
    "The keeper of the northern light wrote his report every evening at nine. On Monday the wind "
    "came from the west and two fishing boats passed close to the rocks; he counted eleven men on "
    "deck and noted that the larger boat carried no lamp. On Tuesday fog lay over the bay until "
    "noon. The bell was rung every ninety seconds, as the rules of the harbour require, and the "
    "supply ship turned back to Hallin without landing. On Wednesday the fog was gone. A crate of "
    "oil, four sacks of flour and a parcel of letters were brought up the stairs, and the keeper's "
    "daughter painted the railing of the gallery white. On Thursday a storm broke the third window "
    "of the lantern room. The keeper closed it with boards from the old shed, cleaned the lens and "
    "lit the lamp twenty minutes late, for which he asks the board's pardon. On Friday nothing "
    "happened that is worth a line, except that the glass rose by a quarter of an inch. On "
    "Saturday an inspector came in a small boat, looked at the window, measured the lens, drank "
    "three cups of tea and said that a new pane would be sent before the end of the month. On "
    "Sunday the keeper rested, as far as a keeper may, and read to his daughter from the parcel of "
    "letters until the lamp had to be lit again.";

constexpr char kCode[] =
    "def parse_line(line):\n"
    "    name, price, count = line.strip().split(\",\")\n"
    "    return {\"name\": name, \"price\": float(price), \"count\": int(count)}\n"
    "\n"
    "\n"
    "def load_items(path):\n"
    "    items = []\n"
    "    with open(path) as handle:\n"
    "        for line in handle:\n"
    "            if line.startswith(\"#\"):\n"
    "                continue\n"
    "            items.append(parse_line(line))\n"
    "    return items\n"
    "\n"
    "\n"
    "def total_price(items, discount=0.0):\n"
    "    total = 0.0\n"
    "    for item in items:\n"
    "        total += item[\"price\"] * item[\"count\"]\n"
    "    return total * (1.0 - discount)\n"
    "\n"
    "\n"
    "def print_report(items, discount=0.0):\n"
    "    for item in items:\n"
    "        print(item[\"name\"], item[\"price\"], item[\"count\"])\n"
    "    print(\"total\", total_price(items, discount))\n"
    "\n"
    "\n"
    "def main():\n"
    "    items = load_items(\"items.csv\")\n"
    "    print_report(items, discount=0.05)\n"
    "\n"
    "\n"
    "if __name__ == \"__main__\":\n"
    "    main()\n";

std::string Quote() {
  const std::string document = kDocument;
  return "The report:\n\n\"" + document +
         "\"\n\nThe same report once more, quoted in full and word for word:\n\n\"The keeper of";
}

std::string Edit() {
  // The edit has begun, as in an editor: the first two functions have their new names.
  const std::string code = kCode;
  return "# report.py, first version\n\n" + code +
         "\n\n# report.py, second version: read_line and read_items are new names, all else is "
         "as it was\n\n"
         "def read_line(line):\n"
         "    name, price, count = line.strip().split(\",\")\n"
         "    return {\"name\": name, \"price\": float(price), \"count\": int(count)}\n"
         "\n"
         "\n"
         "def read_items(path):\n"
         "    items = []\n"
         "    with open(path) as handle:\n"
         "        for";
}

}  // namespace

std::vector<SpeculationText> SpeculationTexts() {
  return {
      {"quote a document", Quote(), true},
      {"edit a file", Edit(), true, 150},
      {"a story", "It was the first winter that Mara spent in the mountains, and", false},
      {"an essay", "Three reasons why cities should plant more trees are discussed below.\n\n",
       false},
      {"a dialogue", "\"I never said that,\" answered the captain, and the whole crew", false},
      {"an explanation", "Question: Why is the sky blue at noon and red in the evening?\nAnswer:",
       false},
      {"a recipe", "Soup of carrots and ginger for four\n\nYou need", false},
      {"code", "# A small class that keeps the ten highest scores of a game.\nclass HighScores:\n",
       false},
  };
}

}  // namespace pintle
