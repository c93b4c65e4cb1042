"""Samples sentences of packaged languages, asks hassil what they mean, and writes that down as test files.

languages.py DATA OUT COUNT SEED [LANGUAGE...]: DATA is the folder of packaged languages (home_assistant_intents/data),
OUT gets a folder per language with `_fixtures.yaml` (a test house whose names are made of the language's own words) and
`sampled.yaml`, in Home Assistant's test format, for `sotto-hub intents test`. COUNT sentences a language; a third of
them are roughened as people and speech engines write: case, punctuation, hyphens, digits, blanks, skip words.
What hassil does not understand is left out and counted.
"""

import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from hassil import Intents, TextSlotList, recognize_best
from hassil.expression import Alternative, ListReference, Permutation, RuleReference, Sequence, TextChunk
from hassil.intents import RangeSlotList, WildcardSlotList
from unicode_rbnf import RbnfEngine

CLASSES = {
    "binary_sensor": ["battery", "motion", "door", "window", "smoke", "moisture"],
    "sensor": ["temperature", "humidity", "battery"],
    "cover": ["curtain", "blind", "garage", "shutter", None],
}
DOMAINS = ["light", "switch", "fan", "cover", "lock", "media_player", "climate", "vacuum", "scene", "script"]
DOMAINS += ["todo", "timer", "weather", "person", "valve", "lawn_mower", "camera", "binary_sensor", "sensor"]


def texts(expression):
    """The pieces of text of a template."""
    if isinstance(expression, TextChunk):
        yield expression.original_text
    for item in getattr(expression, "items", []):
        yield from texts(item)


def words_of(intents):
    """The longer words of a language, from its own templates."""
    found = []
    for intent in intents.intents.values():
        for data in intent.data:
            for sentence in data.sentences:
                for text in texts(sentence.expression):
                    found += [w for w in text.split() if len(w) >= 2 and not re.search(r"[\d\\:'’\"]", w)]
    return sorted(set(found))


def house(intents, rng):
    words = words_of(intents) or ["Alpha", "Beta", "Gamma"]

    def name():
        count = rng.choice([1, 2, 2, 3])
        text = " ".join(rng.choice(words) for _ in range(count)).strip()
        return rng.choice([text, text.title(), text.capitalize(), text.replace(" ", "-")])

    areas = [{"name": name(), "id": f"area_{i}", "floor": f"floor_{i % 2}"} for i in range(6)]
    floors = [{"name": name(), "id": f"floor_{i}"} for i in range(2)]
    entities = []
    for domain in DOMAINS:
        for i, kind in enumerate(CLASSES.get(domain, [None, None])):
            attributes = {"device_class": kind} if kind else {}
            area = rng.choice(areas)["id"]
            entity = {"name": name(), "id": f"{domain}.thing_{i}", "area": area, "attributes": attributes}
            entities.append(entity)
    return {"floors": floors, "areas": areas, "entities": entities}


class Sampler:
    def __init__(self, intents, home, rng):
        self.intents, self.home, self.rng = intents, home, rng
        self.words = words_of(intents) or ["x"]
        try:
            self.engine = RbnfEngine.for_language(intents.language)
        except (ValueError, KeyError):
            self.engine = None

    def sentence(self, data, sentence):
        self.rules = {**self.intents.expansion_rules, **data.expansion_rules}
        self.lists = {**self.intents.slot_lists, **data.slot_lists}
        self.wanted = {k: v.get("value") if isinstance(v, dict) else v for k, v in data.requires_context.items()}
        return re.sub(r"\s+", " ", self.say(sentence.expression)).strip()

    def say(self, item):
        rng = self.rng
        if isinstance(item, TextChunk):
            return item.original_text
        if isinstance(item, Alternative):
            return self.say(rng.choice(item.items)) if item.items else ""
        if isinstance(item, Permutation):
            parts = [self.say(i) for i in item.items]
            rng.shuffle(parts)
            return "".join(parts)
        if isinstance(item, Sequence):
            return "".join(self.say(i) for i in item.items)
        if isinstance(item, RuleReference):
            return self.say(self.rules[item.rule_name].expression)
        if isinstance(item, ListReference):
            return self.value(item.list_name)
        raise ValueError(item)

    def value(self, name):
        rng, home = self.rng, self.home
        if name in ("area", "floor"):
            return rng.choice(home[f"{name}s"])["name"]
        if name == "name":
            fits = [e for e in home["entities"] if self.fits(e)] or home["entities"]
            return rng.choice(fits)["name"]
        values = self.lists[name]
        if isinstance(values, WildcardSlotList):
            return " ".join(rng.choice(self.words) for _ in range(rng.choice([1, 2, 3])))
        if isinstance(values, RangeSlotList):
            number = rng.choice(list(values.get_numbers()))
            if values.words and self.engine and rng.random() < 0.5:
                try:
                    said = list(self.engine.format_number(number).text_by_ruleset.values())
                    return rng.choice(said)
                except Exception:
                    pass
            return f"{number:g}"
        return self.say(rng.choice(values.values).text_in)

    def fits(self, entity):
        known = {"domain": entity["id"].split(".")[0], **entity["attributes"]}
        for key, wanted in self.wanted.items():
            if key in known or key in ("domain", "device_class"):
                if known.get(key) not in (wanted if isinstance(wanted, list) else [wanted]):
                    return False
        return True

    def context(self):
        context = {}
        if "area" in self.wanted or self.rng.random() < 0.2:
            context["area"] = self.rng.choice(self.home["areas"])["name"]
        for key, wanted in self.wanted.items():
            if key not in ("area", "domain", "device_class", "name", "floor", "state"):
                context[key] = wanted[0] if isinstance(wanted, list) else (wanted if wanted is not None else "x")
        return context

    def rough(self, text):
        rng = self.rng
        skip = self.intents.skip_words
        ways = [
            lambda t: t.upper(),
            lambda t: t.lower(),
            lambda t: t.capitalize(),
            lambda t: t.title(),
            lambda t: t + rng.choice([".", "!", "?", "。", "؟", " .", "..."]),
            lambda t: t.replace(" ", "  ", 1),
            lambda t: t.replace(" ", "-", 1),
            lambda t: t.replace(" ", ", ", 1),
            lambda t: f" {t} ",
            lambda t: f"{rng.choice(skip)} {t}" if skip else t,
            lambda t: f"{t} {rng.choice(skip)}" if skip else t,
        ]
        for way in rng.sample(ways, rng.choice([1, 2])):
            text = way(text)
        return text


def main():
    data, out, count, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    wanted = sys.argv[5:] or sorted(p.stem for p in data.glob("*.json"))
    for language in wanted:
        rng = random.Random(f"{seed} {language}")
        with open(data / f"{language}.json", encoding="utf-8") as file:
            intents = Intents.from_dict(json.load(file))
        home = house(intents, rng)
        lists = {
            "area": TextSlotList.from_strings((a["name"] for a in home["areas"]), allow_template=False),
            "floor": TextSlotList.from_strings((f["name"] for f in home["floors"]), allow_template=False),
            "name": TextSlotList.from_tuples(
                ((e["name"], e["name"], {"domain": e["id"].split(".")[0], **e["attributes"]}) for e in home["entities"]),
                allow_template=False,
            ),
        }
        sampler = Sampler(intents, home, rng)
        all_sentences = [(i, d, s) for i in intents.intents.values() for d in i.data for s in d.sentences]
        tests, counts = [], Counter()
        while all_sentences and counts["tried"] < count:
            counts["tried"] += 1
            intent, data_block, sentence = rng.choice(all_sentences)
            try:
                text, context = sampler.sentence(data_block, sentence), sampler.context()
            except (RecursionError, KeyError) as error:
                counts[f"unsampled {error!r}"] += 1
                continue
            if rng.random() < 0.34:
                text = sampler.rough(text)
            if not text.strip() or len(text) > 300:
                continue
            found = recognize_best(text, intents, slot_lists=lists, intent_context=context, best_slot_name="name")
            if found is None:
                counts["not understood"] += 1
                continue
            slots = {e.name: e.value for e in found.entities_list}
            tests.append({"sentences": [text], "intent": {"name": found.intent.name, "slots": slots, "context": context}})
        folder = out / language
        folder.mkdir(parents=True, exist_ok=True)
        for name, what in [("_fixtures", home), ("sampled", {"tests": tests})]:
            with open(folder / f"{name}.yaml", "w", encoding="utf-8") as file:
                yaml.safe_dump({"language": intents.language, **what}, file, allow_unicode=True, sort_keys=False, width=1000)
        print(language, len(tests), dict(counts), flush=True)


main()
