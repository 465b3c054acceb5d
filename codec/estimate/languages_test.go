package estimate

import (
	"encoding/json"
	"strconv"
	"testing"
)

// languages are the same sentences, with their tokens by o200k_base of gpt-tokenizer 4.0.0, and how far off an estimate
// may be, in percent of them.
var languages = []struct {
	name, text string
	tokens     int64
	off        int64
}{
	{"English", "The library opens at nine in the morning and closes when the last reader has gone home. Please bring your card, a pencil, and enough patience for the old catalogue.", 34, 25},
	{"German", "Die Bibliothek öffnet um neun Uhr morgens und schließt, wenn der letzte Leser nach Hause gegangen ist. Bitte bringen Sie Ihre Karte und etwas Geduld für den alten Katalog mit.", 38, 20},
	{"French", "La bibliothèque ouvre à neuf heures du matin et ferme lorsque le dernier lecteur est rentré chez lui. Apportez votre carte et un peu de patience pour le vieux catalogue.", 35, 25},
	{"Russian", "Библиотека открывается в девять часов утра и закрывается, когда последний читатель уходит домой. Пожалуйста, возьмите с собой билет и немного терпения для старого каталога.", 43, 10},
	{"Arabic", "تفتح المكتبة في الساعة التاسعة صباحا وتغلق عندما يعود آخر قارئ إلى بيته. يرجى إحضار بطاقتك وقلم رصاص وبعض الصبر من أجل الفهرس القديم.", 44, 25},
	{"Hindi", "पुस्तकालय सुबह नौ बजे खुलता है और जब आखिरी पाठक घर चला जाता है तब बंद होता है। कृपया अपना कार्ड, एक पेंसिल और पुरानी सूची के लिए थोड़ा धैर्य साथ लाएँ।", 50, 25},
	{"Thai", "ห้องสมุดเปิดเวลาเก้าโมงเช้าและปิดเมื่อผู้อ่านคนสุดท้ายกลับบ้าน กรุณานำบัตรสมาชิก ดินสอ และความอดทนสำหรับสมุดรายชื่อเล่มเก่ามาด้วย", 52, 40},
	{"Chinese", "图书馆早上九点开门，最后一位读者回家以后才关门。请带上您的借书证、一支铅笔，以及查阅旧目录所需要的耐心。如果下雨，请把雨伞留在门口。", 57, 15},
	{"traditional Chinese", "圖書館早上九點開門，最後一位讀者回家以後才關門。請帶上您的借書證、一支鉛筆，以及查閱舊目錄所需要的耐心。如果下雨，請把雨傘留在門口。", 61, 20},
	{"Japanese", "図書館は朝九時に開き、最後の読者が帰ると閉まります。利用カードと鉛筆、そして古い目録を調べるための少しの忍耐をお持ちください。雨の日は傘を入口に置いてください。", 64, 15},
	{"Korean", "도서관은 아침 아홉 시에 열고 마지막 독자가 집에 돌아가면 닫습니다. 회원증과 연필, 그리고 오래된 목록을 찾아볼 인내심을 가져오세요. 비가 오면 우산을 입구에 두세요.", 59, 10},
	{"emoji", "😀🎉🚀❤️😂🔥🌍🐱🍕✨", 15, 40},
}

func TestWhatIsSaidInAnyLanguageIsEstimatedNearItsTokens(t *testing.T) {
	for _, l := range languages {
		escapes := strconv.QuoteToASCII(l.text) // of characters beyond the first 65,536 JSON has two
		texts := map[string]string{"as it is": `"` + l.text + `"`}
		if l.name != "emoji" {
			texts["escaped"] = escapes
		} else {
			texts["escaped"] = `"\ud83d\ude00\ud83c\udf89\ud83d\ude80\u2764\ufe0f\ud83d\ude02\ud83d\udd25\ud83c\udf0d\ud83d\udc31\ud83c\udf55\u2728"`
		}
		for how, text := range texts {
			var said string
			if json.Unmarshal([]byte(text), &said) != nil || said != l.text {
				t.Fatalf("%s, %s: %s", l.name, how, text)
			}
			for of, got := range map[string]int64{
				"a request": Request([]byte(`{"messages":[{"role":"user","content":` + text + `}]}`)),
				"an answer": Answer([]byte(`{"choices":[{"message":{"role":"assistant","content":` + text + `}}]}`)),
				"words":     Words(l.text),
			} {
				if off := got - l.tokens; max(off, -off)*100 > l.off*l.tokens {
					t.Errorf("%s, %s, %s: %d tokens, which are %d", l.name, how, of, got, l.tokens)
				}
			}
		}
	}
}
