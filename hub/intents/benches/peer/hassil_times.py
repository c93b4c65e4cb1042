"""Times hassil on Home Assistant's test sentences: hassil_times.py ROOT LANGUAGE STEP (every STEP-th sentence)."""

import glob
import sys
import time

import yaml
from hassil import Intents, TextSlotList, is_template, parse_sentence, recognize_best, sample_expression
from hassil.util import merge_dict

root, language, step = sys.argv[1], sys.argv[2], int(sys.argv[3])


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def names(item):
    name = item["name"]
    return [n.strip() for n in sample_expression(parse_sentence(name).expression)] if is_template(name) else [name.strip()]


start = time.perf_counter()
merged = {}
for path in sorted(glob.glob(f"{root}/sentences/{language}/*.yaml")):
    merge_dict(merged, read(path))
intents = Intents.from_dict(merged)
loaded = time.perf_counter() - start

house = read(f"{root}/tests/{language}/_fixtures.yaml")
lists = {
    "area": TextSlotList.from_strings(n for i in house["areas"] for n in names(i)),
    "floor": TextSlotList.from_strings(n for i in house["floors"] for n in names(i)),
    "name": TextSlotList.from_tuples(
        (n, n, {"domain": i["id"].split(".")[0], **i.get("attributes", {})}) for i in house["entities"] for n in names(i)
    ),
}
sentences = [
    (sentence, test["intent"].get("context", {}))
    for path in sorted(glob.glob(f"{root}/tests/{language}/*.yaml"))
    for test in read(path).get("tests") or []
    for sentence in test["sentences"]
]
run = lambda text, context: recognize_best(text, intents, slot_lists=lists, intent_context=context, best_slot_name="name")
run(*sentences[0])
times = []
for text, context in sentences[::step]:
    start = time.perf_counter()
    run(text, context)
    times.append((time.perf_counter() - start) * 1000)
times.sort()
at = lambda share: f"{times[int((len(times) - 1) * share)]:>10.1f}ms"
print(f"{language + ': hassil 3.0.1, load':<34} {loaded * 1000:>10.1f}ms")
print(f"{language + ': hassil 3.0.1, every ' + str(step) + 'th':<34} {at(0.5)} {at(0.99)} {at(1.0)}")
